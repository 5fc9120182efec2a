import koffi from 'koffi';

/** connect(2) of a UDP socket to this host, again and again: no packet is ever sent. */
const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const connect = libc.func('int connect(int fd, void *address, uint length)');

const AF_INET = 2;
const SOCK_DGRAM = 2;
const DISCARD_PORT = 9;

const fd: number = socket(AF_INET, SOCK_DGRAM, 0);
const address = Buffer.alloc(16);
address.writeUInt16LE(AF_INET, 0);
address.writeUInt16BE(DISCARD_PORT, 2);
address.set([127, 0, 0, 1], 4);

export const connectOnce = (): void => {
  if (connect(fd, address, address.length) !== 0) throw new Error(`connect: errno ${koffi.errno()}`);
};
