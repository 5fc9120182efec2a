import type { GroupBatch } from './group-batch.ts';
import type { LoggedCounters } from './log-grouper.ts';
import type { FileOnDisk } from './open-replay.ts';
import type { LogsReading, ReplayProgress } from './read-logs.ts';
import type { ReplayTimes } from './replay-times.ts';

export interface LogWorkerData {
  readonly files: readonly FileOnDisk[];
  readonly times: ReplayTimes | undefined;
}

/** Messages of the thread that reads logs. */
export type LogReport =
  | {
      readonly kind: 'piece';
      readonly batch: GroupBatch | undefined;
      readonly counters: LoggedCounters;
      readonly progress: ReplayProgress;
    }
  | { readonly kind: 'ended'; readonly reading: LogsReading }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export type LogCommand =
  /** A piece was taken; returns the memory of its bytes. */
  | { readonly kind: 'taken'; readonly memory: ArrayBuffer | undefined }
  /** Enough was read. */
  | { readonly kind: 'stop' };
