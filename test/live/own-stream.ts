/** Owns the audit stream until it is ended: the neighbour that another test meets. Says `owned` when it is. */
import { AuditStream, BATCH } from '../../src/audit/stream.ts';

const stream = AuditStream.open('unicast', 32 << 20);
stream.own(process.pid);
process.stdout.write('owned\n');
setInterval(() => {
  while (stream.receive(() => {}) === BATCH);
}, 20);
process.on('SIGTERM', () => {
  stream.own(0);
  process.exit();
});
