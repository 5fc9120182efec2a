import koffi from 'koffi';
import { runLoad } from './run-load.ts';

/**
 * TCP connections to this host, one after the other on one descriptor. Each is closed after the milliseconds that the third argument
 * says. What they come to is never accepted, so that nothing but connects makes events.
 */
const livesMs = Number(process.argv[4]);
const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, void *address, uint length)');
const listen = libc.func('int listen(int fd, int backlog)');
const getsockname = libc.func('int getsockname(int fd, void *address, void *length)');
const connect = libc.func('int connect(int fd, void *address, uint length)');
const close = libc.func('int close(int fd)');

const AF_INET = 2;
const SOCK_STREAM = 1;
const BACKLOG = 4_096;

const check = (result: number): number => {
  if (result < 0) throw new Error(`errno ${koffi.errno()}`);
  return result;
};

/** Each takes as many connections as may wait to be accepted. */
const listenAnew = (): Buffer => {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.set([127, 0, 0, 1], 4);
  const server = check(socket(AF_INET, SOCK_STREAM, 0));
  check(bind(server, address, address.length));
  check(listen(server, BACKLOG));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  check(getsockname(server, address, length));
  return address;
};

const never = new Int32Array(new SharedArrayBuffer(4));
let address = listenAnew();
runLoad(index => {
  if (index > 0 && index % BACKLOG === 0) address = listenAnew();
  const fd = check(socket(AF_INET, SOCK_STREAM, 0));
  check(connect(fd, address, address.length));
  Atomics.wait(never, 0, 0, livesMs);
  check(close(fd));
});
