import { on } from 'node:events';
import type { RecordGroup } from '../../audit/correlator.ts';
import { startWorker } from '../../runtime/start-worker.ts';
import { type GroupBatch, GroupBatchReader } from './group-batch.ts';
import type { LoggedCounters } from './log-grouper.ts';
import type { LogCommand, LogReport, LogWorkerData } from './log-messages.ts';
import type { LogsOptions, LogsReading } from './read-logs.ts';
import { ReplayError, type ReplayErrorCode } from './replay-error.ts';

export interface BesideOptions extends LogsOptions {
  /** Receives the events in order; their records are valid during the call. */
  readonly onGroup: (group: RecordGroup) => void;
  /** Receives the counters before each `onPiece`. */
  readonly onCounters: (counters: LoggedCounters) => void;
}

/**
 * Reads logs like `readLogs`, but in a separate thread, so that this one has time to make rows of the events.
 *
 * @throws ReplayError if one of them cannot be read; earlier events stay
 */
export const readLogsBeside = async (
  { files, times }: LogWorkerData,
  { onGroup, onCounters, onPiece, signal }: BesideOptions,
): Promise<LogsReading> => {
  const workerData: LogWorkerData = { files, times };
  const worker = startWorker(new URL('./log-worker.ts', import.meta.url), { workerData });
  const say = (command: LogCommand, memory: ArrayBuffer[] = []): void => worker.postMessage(command, memory);
  const stop = (): void => say({ kind: 'stop' });
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  const giveBack = (batch: GroupBatch | undefined): void => {
    const memory = batch?.bytes.buffer;
    say({ kind: 'taken', memory }, memory === undefined ? [] : [memory]);
    // Freed at once. The garbage collector would run more often, the more there is to free.
    batch?.groups.buffer.transfer(0);
    batch?.records.buffer.transfer(0);
  };
  const reader = new GroupBatchReader();
  try {
    for await (const [report] of on(worker, 'message', { close: ['exit'] })) {
      const message = report as LogReport;
      switch (message.kind) {
        case 'piece':
          onCounters(message.counters);
          if (message.batch !== undefined) reader.read(message.batch, onGroup);
          await onPiece(message.progress);
          giveBack(message.batch);
          break;
        case 'ended':
          return message.reading;
        case 'failed':
          if (message.code === 'internal')
            throw new Error(`the thread that reads logs failed: ${message.message}`);
          throw new ReplayError(message.code as ReplayErrorCode, message.message);
      }
    }
    throw new Error('the thread that reads logs ended before it was done');
  } finally {
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
};
