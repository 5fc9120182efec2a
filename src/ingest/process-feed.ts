import { once } from 'node:events';
import { eventTables } from '../../tables/index.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { ModelEvent } from '../model/model-event.ts';
import { openLiveSource } from './audit-source.ts';
import { EventPipeline } from './event-pipeline.ts';
import { ProcessBatchReader } from './process-batch.ts';
import type { ReplayTimes } from './replay/replay-times.ts';
import { replayInto } from './replay-into.ts';

/** Receives process events from a feed. */
export interface ProcessSink {
  offer(event: ModelEvent): void;
  /** undefined, or a promise to wait for before offering more. */
  room(): Promise<void> | undefined;
}

/** Passes events to the sink until there are no more, or `signal` fires. Rejects if the source breaks. */
export type ProcessFeed = (sink: ProcessSink, signal: AbortSignal) => Promise<void>;

/** This system's process events. Never waits: the sink counts what a slow reader cannot take. */
export const kernelFeed =
  (settings: AuditSettings, warn: (message: string) => void): ProcessFeed =>
  async (sink, signal) => {
    const broken = new AbortController();
    const reader = new ProcessBatchReader();
    const source = await openLiveSource(
      settings,
      {
        onRows: () => {},
        onProcesses: batch => reader.read(batch, event => sink.offer(event)),
        onRaw: () => {},
        onWarning: warn,
        onFailed: error => broken.abort(error),
      },
      { processes: true },
    );
    try {
      const ended = AbortSignal.any([signal, broken.signal]);
      if (!ended.aborted) await once(ended, 'abort');
    } finally {
      await source.close();
    }
    if (broken.signal.aborted) throw broken.signal.reason;
  };

/** The process events of recorded files, no faster than they are taken. */
export const replayFeed =
  (
    paths: readonly string[],
    settings: AuditSettings,
    warn: (message: string) => void,
    times?: ReplayTimes,
  ): ProcessFeed =>
  async (sink, signal) => {
    const pipeline = new EventPipeline({
      tables: eventTables,
      settings,
      context: { uptimeAt: () => undefined, imageTimes: () => undefined },
      kindOfTask: () => 'gone',
      now: () => performance.now(),
      onProcess: event => sink.offer(event),
    });
    const { problems } = await replayInto(pipeline, paths, {
      onBatch: () => {
        pipeline.take();
        return signal.aborted ? undefined : sink.room();
      },
      onRaw: undefined,
      signal,
      times,
    });
    for (const problem of problems) warn(`replay of ${problem}`);
  };
