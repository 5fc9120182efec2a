import { errno, libc } from '../runtime/libc.ts';
import { close, connect, SOCK_CLOEXEC, SOCK_STREAM, socket } from '../runtime/socket-calls.ts';
import { BpfError } from './bpf-error.ts';
import { AF_INET } from './socket-record.ts';

/** struct sockaddr_in: family (u16), port and address in network order. */
const SOCKADDR_BYTES = 16;
const LOOPBACK = [127, 0, 0, 1];

/**
 * Makes a TCP connection from this process to itself, over the loopback device, and closes it. It is never accepted,
 * and its listener never bound: only the connect is an event of audit.
 *
 * @returns the ports of both ends
 * @throws BpfError `refused` if that is not possible
 */
export const makeOwnConnection = (): { readonly localPort: number; readonly remotePort: number } => {
  const listen: (fd: number, backlog: number) => number = libc.func('int listen(int fd, int backlog)');
  const fds: number[] = [];
  const open = (): number => {
    const fd = check('socket', socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    fds.push(fd);
    return fd;
  };
  try {
    const listener = open();
    check('listen', listen(listener, 1));
    const address = Buffer.alloc(SOCKADDR_BYTES);
    address.writeUInt16LE(AF_INET, 0);
    const remotePort = portOf(listener);
    address.writeUInt16BE(remotePort, 2);
    address.set(LOOPBACK, 4);
    const client = open();
    check('connect', connect(client, address, address.length));
    return { localPort: portOf(client), remotePort };
  } finally {
    for (const fd of fds) close(fd);
  }
};

const portOf = (fd: number): number => {
  const getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number = libc.func(
    'int getsockname(int fd, void *address, void *length)',
  );
  const address = Buffer.alloc(SOCKADDR_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(SOCKADDR_BYTES);
  check('getsockname', getsockname(fd, address, length));
  return address.readUInt16BE(2);
};

const check = (call: string, result: number): number => {
  if (result < 0)
    throw new BpfError('refused', `this process cannot connect to itself (${call}: errno ${errno()})`);
  return result;
};
