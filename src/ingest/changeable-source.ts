import type { AuditSettings } from '../flags/audit-settings.ts';
import { duplicate } from '../runtime/socket-calls.ts';
import type { InheritedSocket } from './bridge/inherited-socket.ts';
import type { PipelineProgress } from './event-pipeline.ts';
import type { EventSource, LiveOptions, SourceStatus } from './event-source.ts';
import type { IngestCounters } from './ingest-messages.ts';
import type { WitnessPrograms } from './witness-programs.ts';

export type OpenSource = (settings: AuditSettings, start: LiveOptions) => Promise<EventSource>;

/**
 * The event source of an extension. It is reopened when a setting changes that sources read only at their start. The
 * counters of its sources are added up.
 */
export class ChangeableSource {
  readonly #open: OpenSource;
  #source: EventSource;
  /** The kernel's `lost` when the first source was opened. */
  readonly kernelLostBefore: number;
  #countersBefore: IngestCounters | undefined;
  #gapsBefore = 0;
  #lastSerial: number | undefined;
  #progress: { readonly of: PipelineProgress; readonly sum: PipelineProgress } | undefined;
  /** Whether there is no source at the moment. */
  #isBetween = false;

  private constructor(open: OpenSource, source: EventSource, start: LiveOptions) {
    this.#open = open;
    this.#source = source;
    this.kernelLostBefore = source.kernelLostBefore;
    this.#lastSerial = start.lastSerial;
  }

  /** @throws what `open` throws */
  static async open(
    open: OpenSource,
    settings: AuditSettings,
    start: LiveOptions,
  ): Promise<ChangeableSource> {
    return new ChangeableSource(open, await open(settings, start), start);
  }

  get mode(): EventSource['mode'] {
    return this.#source.mode;
  }

  /** The socket that the kernel is read from. */
  get fd(): number | undefined {
    return this.#source.ingest.fd;
  }

  get counters(): IngestCounters | undefined {
    const { counters } = this.#source.ingest;
    if (counters === undefined || this.#countersBefore === undefined) return counters ?? this.#countersBefore;
    return addCounters(this.#countersBefore, counters);
  }

  /** Returns another object as soon as it has changed. */
  get progress(): PipelineProgress | undefined {
    const { progress } = this.#source.ingest;
    if (progress === undefined || this.#gapsBefore === 0) return progress;
    if (this.#progress?.of !== progress) {
      this.#progress = { of: progress, sum: { ...progress, gaps: progress.gaps + this.#gapsBefore } };
    }
    return this.#progress.sum;
  }

  /** See Ingest. */
  upToDate(): Promise<void> | undefined {
    return this.#isBetween ? undefined : this.#source.ingest.upToDate();
  }

  usePrograms(programs: WitnessPrograms): void {
    this.#source.ingest.usePrograms(programs);
  }

  sendProcesses(): void {
    this.#source.ingest.sendProcesses();
  }

  setSettings(settings: AuditSettings): Promise<void> {
    return this.#source.setSettings(settings);
  }

  async status(): Promise<SourceStatus> {
    return this.#isBetween
      ? { mode: this.mode, kernel: undefined, rules: undefined }
      : await this.#source.status();
  }

  close(how?: 'restore' | 'leave'): Promise<void> {
    return this.#source.close(how);
  }

  /**
   * Closes the source and opens it with other settings. Events in between wait in the old socket, which is held open
   * and read by the next source; so no event is lost, and none is taken twice. (On macOS the audit pipe cannot be
   * held like this, and events in between are lost.)
   *
   * @param how `restore` puts audit back before it is configured anew
   * @param between runs while no events come
   * @throws what `open` throws
   */
  async reopen(
    settings: AuditSettings,
    how: 'restore' | 'leave',
    between: () => Promise<LiveOptions>,
  ): Promise<void> {
    const { fd } = this;
    const held = fd === undefined || how === 'restore' ? -1 : duplicate(fd);
    try {
      this.#isBetween = true;
      await this.#source.close(how);
      this.#countUp();
      // Events that were left out on purpose are no gap.
      if (how === 'restore') this.#lastSerial = undefined;
      const start = await between();
      const inherited: InheritedSocket | undefined =
        start.inherited ?? (held < 0 ? undefined : { fd: held, ownerPid: process.pid });
      this.#source = await this.#open(settings, { lastSerial: this.#lastSerial, ...start, inherited });
    } finally {
      this.#isBetween = false;
    }
  }

  #countUp(): void {
    const { progress } = this.#source.ingest;
    this.#countersBefore = this.counters;
    this.#gapsBefore += progress?.gaps ?? 0;
    this.#lastSerial = progress?.serial ?? this.#lastSerial;
  }
}

/** Adds the numbers that both have in the same place. */
const addCounters = (one: IngestCounters, other: IngestCounters): IngestCounters =>
  addNumbers(one, other) as IngestCounters;

const addNumbers = (one: unknown, other: unknown): unknown => {
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (typeof one !== 'object' || one === null) return other ?? one;
  const others = (other ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    [...new Set([...Object.keys(one), ...Object.keys(others)])].map(name => [
      name,
      addNumbers((one as Readonly<Record<string, unknown>>)[name], others[name]),
    ]),
  );
};
