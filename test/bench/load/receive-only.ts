import { setTimeout as sleep } from 'node:timers/promises';
import { openAuditControl } from '../../../src/audit/control.ts';
import { AuditSession } from '../../../src/audit/session.ts';
import { AuditStream, BATCH } from '../../../src/audit/stream.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';

/**
 * Receives what the extension would receive of connects, the same way, and discards it: the part of the cost that no
 * reader can save. Says `ready`; puts audit back on SIGTERM.
 */
const RECEIVE_BUFFER = 32 << 20;
const IDLE_MS = 200;
const GATHER_MS = 5;

const control = openAuditControl();
const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
  mode: 'unicast',
  allowConfig: true,
  forceReconfigure: false,
  forceUnconfigure: false,
  backlogLimit: 65_536,
  backlogWaitTime: 0,
  selection: {
    processEvents: false,
    forkProcessEvents: false,
    killProcessEvents: false,
    sockets: true,
    acceptSocketEvents: true,
    failedSocketEvents: false,
    nullAcceptSocketEvents: false,
  },
});
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
const stream = AuditStream.open('unicast', RECEIVE_BUFFER);
let records = 0;
const onDatagram = (): void => {
  records++;
};
try {
  await session.prepare();
  stream.own(process.pid);
  await session.enable();
  process.stdout.write('ready\n');
  while (!stopping) {
    await stream.wait(IDLE_MS);
    while (stream.receive(onDatagram) === BATCH);
    await sleep(GATHER_MS);
  }
} finally {
  await session.restore();
  stream.close();
  control.close();
}
process.stdout.write(`${records}\n`);
