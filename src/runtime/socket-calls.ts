import { errno, libc } from './libc.ts';

export { addressOf, errno } from './libc.ts';

/**
 * The C library calls of the event stream. The `netlink` package receives one datagram per call and copies it twice.
 * In a burst that loses more than half of the records; recvmmsg in batches loses none.
 */

export const AF_UNIX = 1;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
const SO_PEERCRED = 17;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_DROP_MEMBERSHIP = 2;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const POLLIN = 1;

type Fd = number;

export const socket: (domain: number, type: number, protocol: number) => Fd = libc.func(
  'int socket(int domain, int type, int protocol)',
);
export const bind: (fd: Fd, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int fd, void *address, uint length)',
);
export const connect: (fd: Fd, address: Uint8Array, length: number) => number = libc.func(
  'int connect(int fd, void *address, uint length)',
);
export const close: (fd: Fd) => number = libc.func('int close(int fd)');

/** fcntl.h; Linux and macOS differ only in the number. */
const F_DUPFD_CLOEXEC = process.platform === 'linux' ? 1030 : 67;
const fcntl = libc.func('int fcntl(int fd, int command, ...)') as (
  fd: Fd,
  command: number,
  type: 'int',
  argument: number,
) => number;

/**
 * A second descriptor of the same socket, which is closed in programs that are started. Negative: `errno` says why.
 */
export const duplicate = (fd: Fd): Fd => fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0);
export const setsockopt: (
  fd: Fd,
  level: number,
  option: number,
  value: Uint8Array,
  length: number,
) => number = libc.func('int setsockopt(int fd, int level, int option, void *value, uint length)');
const getsockopt: (fd: Fd, level: number, option: number, value: Uint8Array, length: Uint8Array) => number =
  libc.func('int getsockopt(int fd, int level, int option, void *value, void *length)');

/**
 * A SOL_SOCKET option, in words of 32 bits.
 *
 * @returns undefined if it cannot be read, for example because the descriptor is no socket: `errno` says why
 */
export const socketOption = (fd: Fd, option: number, words: number): Uint32Array | undefined => {
  const value = new Uint32Array(words);
  optionLength[0] = value.byteLength;
  const failed = getsockopt(fd, SOL_SOCKET, option, new Uint8Array(value.buffer), optionLengthBytes);
  return failed === 0 ? value : undefined;
};
const optionLength = new Uint32Array(1);
const optionLengthBytes = new Uint8Array(optionLength.buffer);

/** struct ucred: pid, uid and gid, of 32 bits each. */
const credentials = new Uint32Array(3);
const credentialsBytes = new Uint8Array(credentials.buffer);

/**
 * The process at the other end of a UNIX socket: see unix(7), SO_PEERCRED. Linux only.
 *
 * @returns undefined if it cannot be read: `errno` says why
 */
export const peerCredentials = (fd: Fd): { readonly pid: number; readonly uid: number } | undefined => {
  optionLength[0] = credentialsBytes.length;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentialsBytes, optionLengthBytes) !== 0) return undefined;
  return { pid: credentials[0]!, uid: credentials[1]! };
};

export const sendto: (
  fd: Fd,
  bytes: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  addressLength: number,
) => number = libc.func(
  'long sendto(int fd, void *bytes, size_t length, int flags, void *address, uint addressLength)',
);

const socketpair: (domain: number, type: number, protocol: number, fds: Uint8Array) => number = libc.func(
  'int socketpair(int domain, int type, int protocol, void *fds)',
);

/**
 * Two sockets that are connected to each other and closed at an exec.
 *
 * @throws Error with the errno
 */
export const socketPair = (): readonly [Fd, Fd] => {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new Uint8Array(fds.buffer)) !== 0) {
    throw new Error(`socketpair: errno ${errno()}`);
  }
  return [fds[0]!, fds[1]!];
};

export const MSG_NOSIGNAL = 0x4000;

export const send: (fd: Fd, bytes: Uint8Array, length: number, flags: number) => number = libc.func(
  'long send(int fd, void *bytes, size_t length, int flags)',
);
export const recv: (fd: Fd, bytes: Uint8Array, length: number, flags: number) => number = libc.func(
  'long recv(int fd, void *bytes, size_t length, int flags)',
);

let recvmmsgFunction: ((...args: [Fd, Uint8Array, number, number, null]) => number) | undefined;

/** Without a timeout. Looked up at the first call: macOS loads this module too, and has no such function. */
export const recvmmsg = (fd: Fd, headers: Uint8Array, count: number, flags: number): number => {
  recvmmsgFunction ??= libc.func(
    'int recvmmsg(int fd, void *headers, uint count, int flags, void *timeout)',
  ) as NonNullable<typeof recvmmsgFunction>;
  return recvmmsgFunction(fd, headers, count, flags, null);
};

const poll: (pollfds: Uint8Array, count: number, timeout: number) => number = libc.func(
  'int poll(void *fds, ulong count, int timeout)',
);

/** linux/eventfd.h. One read takes all writes, however many. */
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
let eventfdFunction: ((count: number, flags: number) => Fd) | undefined;

/** A descriptor by which one thread wakes another. Linux only. Negative: `errno` says why. */
export const eventDescriptor = (): Fd => {
  eventfdFunction ??= libc.func('int eventfd(uint count, int flags)') as (count: number, flags: number) => Fd;
  return eventfdFunction(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

/** poll(2) of two descriptors: true if `fd` is readable; false if only `other` is, or the time has passed. */
export const waitEither = (fd: Fd, other: Fd, timeout: number): boolean => {
  const pollfds = new Uint8Array(16);
  const view = new DataView(pollfds.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  view.setInt32(8, other, true);
  view.setInt16(12, POLLIN, true);
  return poll(pollfds, 2, timeout) !== 0 && view.getInt16(6, true) !== 0;
};

/**
 * poll(2), which blocks the calling thread: true if `fd` is readable, false if `timeout` milliseconds have passed. An
 * error (mostly EINTR) counts as readable: the caller reads and finds out.
 */
export const waitReadable = (fd: Fd, timeout: number): boolean => {
  const pollfd = new Uint8Array(8);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  return poll(pollfd, 1, timeout) !== 0;
};
