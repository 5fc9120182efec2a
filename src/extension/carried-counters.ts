import type { AuditStatusRow } from '../../tables/audit_status.ts';
import type { PipelineProgress } from '../ingest/event-pipeline.ts';
import { bootId } from '../runtime/boot-id.ts';
import { countersOf } from './status-row.ts';

/** What an instance leaves to the next one, besides rows and cursors. */
interface SavedAccounts {
  /** Identifies the boot whose serials and counters these are. */
  readonly bootId: string;
  /** Whether it ended in order: what the kernel has done since was not to be recorded. */
  readonly ended: boolean;
  /** The last serial whose event was taken. */
  readonly serial?: number | undefined;
  /** Events that were waiting for their last record. */
  readonly inFlight: number;
  /** The kernel's `lost` from which losses are counted, and what had been lost before. */
  readonly kernelLost: { readonly before: number | undefined; readonly carried: number };
  /** All counters of audit_status. */
  readonly counters: Readonly<Record<string, number>>;
}

/**
 * Counters that outlive the process, and the serial at which the next process continues. After a kill, the events
 * that the kernel numbered and nobody read are a gap, which is counted exactly.
 */
export class CarriedCounters {
  #carried: Readonly<Record<string, number>>;
  /** The last serial that was taken, if none was missed on purpose since. */
  readonly lastSerial: number | undefined;
  readonly #bootId: string;
  /** The kernel's `lost` at the start of the first killed instance; undefined if there was none. */
  readonly #lostBefore: number | undefined;
  #kernelLost: number;

  /** @param saved what the previous instance left; anything invalid is ignored */
  constructor(saved: unknown, bootId = currentBootId()) {
    const before = isSaved(saved) ? saved : undefined;
    const isContinued = before !== undefined && before.bootId === bootId && !before.ended;
    const counters = before?.counters ?? {};
    this.#bootId = bootId;
    this.#lostBefore = isContinued ? before.kernelLost.before : undefined;
    this.#kernelLost = counters.kernel_lost ?? 0;
    this.lastSerial = isContinued ? before.serial : undefined;
    this.#carried = {
      ...counters,
      serial_gaps: (counters.serial_gaps ?? 0) + (isContinued ? before.inFlight : 0),
      kernel_lost: this.#lostBefore === undefined ? this.#kernelLost : before!.kernelLost.carried,
    };
  }

  /** Counts of the previous instances. */
  get carried(): Readonly<Record<string, number>> {
    return this.#carried;
  }

  /**
   * Takes over what another instance has left, in addition to the present counts.
   *
   * @param saved what it left; anything invalid is ignored
   */
  adopt(saved: unknown): void {
    const { carried } = new CarriedCounters(saved, this.#bootId);
    this.add(carried);
    this.#kernelLost += carried.kernel_lost ?? 0;
  }

  /** Adds to the carried counts. */
  add(counts: Readonly<Record<string, number>>): void {
    const sum = { ...this.#carried };
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
    this.#carried = sum;
  }

  /** The kernel's `lost` from which losses are counted, given that at the start. */
  lostSince(atStart: number): number {
    return this.#lostBefore ?? atStart;
  }

  /** Remembers a row for which the kernel was asked. */
  see(row: AuditStatusRow): void {
    if (row.kernel_lost !== undefined) this.#kernelLost = Number(row.kernel_lost);
  }

  /**
   * @param row of now; the kernel need not have been asked
   * @param progress as of the rows that are saved with this
   */
  save(
    row: AuditStatusRow,
    progress: PipelineProgress | undefined,
    lostAtStart: number,
    ended: boolean,
  ): SavedAccounts {
    return {
      bootId: this.#bootId,
      ended,
      serial: progress?.serial ?? this.lastSerial,
      inFlight: progress?.inFlight ?? 0,
      kernelLost: { before: this.lostSince(lostAtStart), carried: this.#carried.kernel_lost ?? 0 },
      counters: Object.assign(countersOf(row), {
        serial_gaps: (this.#carried.serial_gaps ?? 0) + (progress?.gaps ?? 0),
        kernel_lost: this.#kernelLost,
      }),
    };
  }
}

/** Empty if there is none, as on macOS, which has no serials either. */
const currentBootId = (): string => {
  try {
    return bootId();
  } catch {
    return '';
  }
};

const isSaved = (value: unknown): value is SavedAccounts => {
  const { bootId, ended, serial, inFlight, kernelLost, counters } = (value ?? {}) as Partial<SavedAccounts>;
  return (
    typeof bootId === 'string' &&
    typeof ended === 'boolean' &&
    (serial === undefined || isCount(serial)) &&
    isCount(inFlight) &&
    isCount(kernelLost?.carried) &&
    (kernelLost?.before === undefined || isCount(kernelLost.before)) &&
    typeof counters === 'object' &&
    counters !== null &&
    Object.values(counters).every(isCount)
  );
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
