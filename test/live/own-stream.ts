/**
 * Owns the audit stream until it is ended: the neighbour that another test meets. Says `owned` when it is, or the errno
 * with which the kernel refused.
 */
import { NLMSG_ERROR } from '../../src/audit/constants.ts';
import { AuditStream, BATCH, claimAnswer, type OnDatagram } from '../../src/audit/stream.ts';

const stream = AuditStream.open('unicast', 32 << 20);
const onDatagram: OnDatagram = (type, bytes, start, end) => {
  if (type !== NLMSG_ERROR) return;
  const errno = claimAnswer(bytes, start, end);
  if (errno !== undefined) process.stdout.write(errno === 0 ? 'owned\n' : `refused ${errno}\n`);
};
stream.own(process.pid);
setInterval(() => {
  while (stream.receive(onDatagram) === BATCH);
}, 20);
process.on('SIGTERM', () => {
  stream.own(0);
  process.exit();
});
