import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openAuditControl } from '../../../src/audit/control/control.ts';
import { AuditSession } from '../../../src/audit/control/session.ts';
import { AuditStream } from '../../../src/audit/stream.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';
import { receiveLoop } from '../../../src/ingest/receive-loop.ts';
import { WakeSignal } from '../../../src/ingest/wake-signal.ts';
import { ruleSelections } from '../peers/peer-program.ts';

/*
 * Receives what the extension would receive of connects, in the same way and in a worker thread as there, and discards
 * it: the part of the cost that no reader can save. Says `ready`; on SIGTERM puts audit back and says how many records
 * there were.
 */
const RECEIVE_BUFFER = 32 << 20;

const discard = (stopping: Int32Array): void => {
  const stream = AuditStream.open('unicast', RECEIVE_BUFFER);
  let records = 0;
  stream.own(process.pid);
  parentPort!.postMessage('owned');
  const wakeSignal = new WakeSignal();
  receiveLoop({
    stream,
    onDatagram: () => {
      records++;
    },
    onBatch: () => {},
    onTurn: () => Atomics.load(stopping, 0) === 0,
    pause: milliseconds => wakeSignal.pause(0, milliseconds),
  });
  stream.close();
  parentPort!.postMessage(records);
};

const main = async (): Promise<void> => {
  const control = openAuditControl();
  const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
    mode: 'unicast',
    allowConfig: true,
    forceReconfigure: false,
    forceUnconfigure: false,
    backlogLimit: 65_536,
    backlogWaitTime: 0,
    selection: ruleSelections.connects,
  });
  const stopping = new Int32Array(new SharedArrayBuffer(4));
  const terminated = once(process, 'SIGTERM');
  const keepAlive = setInterval(() => {}, 60_000);
  try {
    await session.prepare();
    const worker = new Worker(new URL(import.meta.url), { workerData: stopping });
    await once(worker, 'message');
    await session.enable();
    process.stdout.write('ready\n');
    await terminated;
    await session.restore();
    const records = once(worker, 'message');
    Atomics.store(stopping, 0, 1);
    process.stdout.write(`${(await records)[0]}\n`);
  } finally {
    clearInterval(keepAlive);
    await session.restore();
    control.close();
  }
};

if (isMainThread) await main();
else discard(workerData);
