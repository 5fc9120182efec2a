import { closeSync, constants, openSync, readSync } from 'node:fs';

/**
 * Reads at most `limit` + 1 bytes, so that a device or a growing file cannot block the start; the parser refuses what
 * exceeds its limit. A FIFO without a writer reads as empty.
 * @throws the system's own error, with `code` and `path`.
 */
export const readFlagfile = (path: string, limit: number): Uint8Array => {
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = new Uint8Array(limit + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(handle, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(handle);
  }
};
