import type { Writable } from 'node:stream';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import type { AuditEvent } from '../audit/audit-event.ts';
import { LineWriter } from '../model/json/line-writer.ts';
import { telemetryJson } from '../model/json/telemetry-json.ts';
import type { ServiceOptions } from '../model/services.ts';
import { createTelemetryModel, telemetryFieldNames } from '../model/telemetry-model.ts';

/** Where a feed puts its events. */
export interface StreamSink {
  offer(event: AuditEvent): void;
  /** undefined, or what to wait for before offering more; a live feed does not wait, its overflow is counted. */
  room(): Promise<void> | undefined;
}

export interface StreamOptions {
  readonly origin: 'live' | 'replay';
  /** Hands events to the sink until there are no more, or until `signal` fires. Rejects if it breaks. */
  readonly feed: (sink: StreamSink, signal: AbortSignal) => Promise<void>;
  /** Names from --fields; the table's columns if empty. */
  readonly fields: readonly string[];
  readonly pretty: boolean;
  readonly output: Writable;
  /** Takes one line about what was lost. */
  readonly warn: (message: string) => void;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly services?: ServiceOptions;
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
  const { origin, feed, pretty, output, warn, signal, services } = options;
  const names = chooseFields(options.fields);
  const writer = new LineWriter(output);
  const { model } = createTelemetryModel({
    origin,
    wanted: names,
    emit: event => writer.write(telemetryJson(event, names, pretty)),
    ...(services && { services }),
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
    const sink: StreamSink = {
      offer(event) {
        if (event.kind === 'process') model.offer(event);
      },
      room: () => writer.room(),
    };
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
