import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../runtime/message-of.ts';
import { GroupBatchWriter, memoryOf } from './group-batch.ts';
import { LogGrouper } from './log-grouper.ts';
import type { LogCommand, LogReport, LogWorkerData } from './log-messages.ts';
import { openOnDisk } from './open-replay.ts';
import { readLogs } from './read-logs.ts';

/**
 * The thread that reads large logs: from bytes to events, as groups of records. The thread that started it interprets
 * them at the same time. Ordering and removing repetitions happen only here, so that no event is split between
 * threads.
 */

/** Most pieces that this thread may be ahead of the other one; each takes memory. */
const MOST_AHEAD = 4;

const { files, times } = workerData as LogWorkerData;
const port = parentPort!;
const report = (message: LogReport, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

const stop = new AbortController();
const writer = new GroupBatchWriter();
let ahead = 0;
let onTaken: (() => void) | undefined;
port.on('message', (command: LogCommand) => {
  if (command.kind === 'stop') {
    stop.abort();
  } else {
    ahead--;
    if (command.memory !== undefined) writer.reuse(command.memory);
  }
  onTaken?.();
});

const grouper = new LogGrouper(group => writer.append(group), times);
try {
  const reading = await readLogs(
    files.map(file => ({ ...file, open: since => openOnDisk(file, since) })),
    grouper,
    {
      signal: stop.signal,
      since: times?.from,
      onPiece: async progress => {
        const batch = writer.take();
        report(
          { kind: 'piece', batch, counters: grouper.counters, progress },
          batch === undefined ? [] : memoryOf(batch),
        );
        ahead++;
        while (ahead > MOST_AHEAD && !stop.signal.aborted) {
          await new Promise<void>(resolve => {
            onTaken = resolve;
          });
        }
      },
    },
  );
  report({ kind: 'ended', reading });
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
  report({ kind: 'failed', code, message: messageOf(error) });
}
port.close();
