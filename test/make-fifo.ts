import { libc } from '../src/runtime/libc.ts';

const mkfifo: (path: string, mode: number) => number = libc.func(
  'int mkfifo(const char *path, uint32_t mode)',
);

/** Makes a named pipe that only its owner may open. */
export const makeFifo = (path: string): void => {
  if (mkfifo(path, 0o600) !== 0) throw new Error(`no FIFO can be made at ${path}`);
};
