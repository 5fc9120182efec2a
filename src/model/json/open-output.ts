import { constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Standard output for a stream of lines. Node writes to a pipe synchronously, so a reader that stops would stop the
 * events. The pipe is therefore opened a second time as non-blocking; making the given descriptor non-blocking would
 * change it for everyone who shares it.
 */
export const openOutput = (fd = 1): Writable => {
  if (!fstatSync(fd).isFIFO()) return process.stdout;
  try {
    const own = openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    return new Socket({ fd: own, readable: false, writable: true });
  } catch {
    return process.stdout;
  }
};
