import type { Writable } from 'node:stream';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { PROCESS_TITLE } from '../audit/control/stream-owner.ts';
import { readAuditSettings } from '../flags/audit-settings.ts';
import { kernelFeed, type ProcessFeed, type ProcessSink, replayFeed } from '../ingest/process-feed.ts';
import type { ReplayTimes } from '../ingest/replay/replay-times.ts';
import { LineWriter } from '../model/json/line-writer.ts';
import { openOutput } from '../model/json/open-output.ts';
import { telemetryJson } from '../model/json/telemetry-json.ts';
import type { ServiceOptions } from '../model/services.ts';
import type { ModelLimits } from '../model/source-runner.ts';
import { createTelemetryModel, telemetryFieldNames } from '../model/telemetry-model.ts';

export interface StreamOptions {
  readonly origin: 'live' | 'replay';
  readonly feed: ProcessFeed;
  /** Names from --fields; the table's columns if empty. */
  readonly fields: readonly string[];
  readonly pretty: boolean;
  readonly output: Writable;
  /** Takes one line about what was lost. */
  readonly warn: (message: string) => void;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly services?: ServiceOptions;
  readonly limits?: Partial<ModelLimits>;
}

/** How often lost lines are reported while the stream runs. */
const WARN_MS = 60_000;

/**
 * Writes telemetry events as JSON Lines until the feed ends, the reader goes away, or `signal` fires.
 *
 * @returns the exit status: 0, or 1 if the output failed otherwise than by its reader going away
 * @throws ModelError for a field that does not exist; what the feed rejects with
 */
export const runStream = async (options: StreamOptions): Promise<number> => {
  const { origin, feed, pretty, output, warn, signal, services, limits } = options;
  const names = chooseFields(options.fields);
  const writer = new LineWriter(output);
  const { model } = createTelemetryModel({
    origin,
    wanted: names,
    emit: event => writer.write(telemetryJson(event, names, pretty)),
    ...(services && { services }),
    ...(limits && { limits }),
  });

  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  signal.addEventListener('abort', onSignal, { once: true });
  if (signal.aborted) stop.abort();
  void writer.closed.then(() => stop.abort());
  const lost = lossReporter(() => writer.counters.dropped, warn);
  const timer = setInterval(lost, WARN_MS);
  timer.unref();
  try {
    await model.start();
    const sink: ProcessSink = { offer: event => model.offer(event), room: () => writer.room() };
    if (!stop.signal.aborted) await feed(sink, stop.signal);
  } finally {
    await model.close();
    await writer.end();
    clearInterval(timer);
    signal.removeEventListener('abort', onSignal);
    lost();
  }
  if (writer.error === undefined) return 0;
  warn(`writing the events failed: ${writer.error.message}`);
  return 1;
};

const chooseFields = (fields: readonly string[]): readonly string[] =>
  fields.length === 0 ? processTelemetryEvents.fields : telemetryFieldNames(fields);

const lossReporter = (dropped: () => number, warn: (message: string) => void): (() => void) => {
  let reported = 0;
  return () => {
    const now = dropped();
    if (now === reported) return;
    warn(`the reader is too slow: ${now - reported} events were left out (${now} in all)`);
    reported = now;
  };
};

export interface StreamCommand {
  /** Something to tell first. */
  readonly warning: string | undefined;
  /** Files instead of the kernel. */
  readonly replay: readonly string[];
  readonly times: ReplayTimes | undefined;
  /** Flags by name. */
  readonly values: ReadonlyMap<string, string>;
  readonly fields: readonly string[];
  readonly pretty: boolean;
}

/** Runs the stream on this process's standard output until a signal ends it; resolves with the exit status. */
export const streamEvents = async ({
  warning: first,
  replay,
  times,
  values,
  fields,
  pretty,
}: StreamCommand): Promise<number> => {
  process.title = PROCESS_TITLE;
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const warn = (message: string): void => {
    process.stderr.write(`${PROCESS_TITLE}: ${message}\n`);
  };
  if (first !== undefined) warn(first);
  // Nothing but process events is read.
  const { settings, warnings } = readAuditSettings(
    new Map([...values, ['audit_allow_sockets', 'false'], ['audit_allow_user_events', 'false']]),
  );
  for (const warning of warnings) warn(warning);
  const isReplay = replay.length > 0;
  return runStream({
    origin: isReplay ? 'replay' : 'live',
    feed: isReplay ? replayFeed(replay, settings, warn, times) : kernelFeed(settings, warn),
    fields,
    pretty,
    output: openOutput(),
    warn,
    signal: stop.signal,
    limits: { budgetMs: settings.limits.telemetryBudgetMilliseconds },
    services: {
      forkEvents: settings.allowForkProcessEvents,
      hashLimits: { maxFileBytes: settings.limits.hashFileBytes },
    },
  });
};
