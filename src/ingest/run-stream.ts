import type { Writable } from 'node:stream';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { LineWriter } from '../model/json/line-writer.ts';
import { telemetryJson } from '../model/json/telemetry-json.ts';
import type { ServiceOptions } from '../model/services.ts';
import type { ModelLimits } from '../model/source-runner.ts';
import { createTelemetryModel, telemetryFieldNames } from '../model/telemetry-model.ts';
import type { ProcessFeed, ProcessSink } from './process-feed.ts';

export interface StreamOptions {
  readonly origin: 'live' | 'replay';
  readonly feed: ProcessFeed;
  /** Names from --fields; the table's columns if empty. */
  readonly fields: readonly string[];
  readonly pretty: boolean;
  readonly output: Writable;
  /** Receives one line about lost events. */
  readonly warn: (message: string) => void;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly services?: ServiceOptions;
  readonly limits?: Partial<ModelLimits>;
}

/** Milliseconds between two reports of lost lines while the stream runs. */
const WARN_MS = 60_000;

/**
 * Writes telemetry events as JSON Lines until the feed ends, the reader goes away, or `signal` fires.
 *
 * @returns the exit status: 0; or 1 if the output failed for another reason than its reader going away
 * @throws ModelError for a field that does not exist; and what the feed rejects with
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
