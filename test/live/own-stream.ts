/** Owns the audit stream until it is ended: the neighbour that another test meets. Says `owned` when it is. */
import { AuditStream } from '../../src/audit/stream.ts';

const stream = AuditStream.open('unicast', 1 << 20);
stream.own(process.pid);
process.stdout.write('owned\n');
setInterval(() => stream.receive(() => {}), 50);
process.on('SIGTERM', () => {
  stream.own(0);
  process.exit();
});
