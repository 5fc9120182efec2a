import koffi from 'koffi';
import { runLoad } from './run-load.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const connect = libc.func('int connect(int fd, void *address, uint length)');

const fd: number = socket(AF_UNIX, SOCK_DGRAM, 0);
const directory = process.argv[4] ?? '/nonexistent';

/** connect(2) to sockets that are not there, each with a path of its own below a directory. */
runLoad(index => {
  const address = Buffer.from(`..${directory}/${index}\0`);
  address.writeUInt16LE(AF_UNIX, 0);
  if (connect(fd, address, address.length) === 0) throw new Error(`${directory}/${index} is there`);
});
