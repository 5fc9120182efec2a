/** A process with a bridge, to be killed: `build-bridge.ts DIRECTORY KIND PROGRAM [ARGUMENT…]`; KIND is audit or file. */
import { fstatSync, openSync } from 'node:fs';
import { NETLINK_AUDIT } from '../../../src/audit/constants.ts';
import { Bridge } from '../../../src/ingest/bridge/bridge.ts';
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, socket } from '../../../src/runtime/socket-calls.ts';

const [directory, kind, path, ...args] = process.argv.slice(2);
const fd =
  kind === 'audit' ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT) : openSync('/dev/null', 'r');
const bridge = Bridge.build({
  directory: directory!,
  fd,
  keeper: { path: path!, args },
  onBroken: () => process.stdout.write('broken\n'),
});
process.on('SIGTERM', () => {
  bridge.remove();
  bridge.remove();
  process.exit(bridge.stands ? 1 : 0);
});
setInterval(() => {}, 1_000);
process.stdout.write(`${fstatSync(fd, { bigint: true }).ino}\n`);
