import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes read in one place: several lines. */
const LOOK_BYTES = 64 * 1024;
/** Bytes from which on the rest is read from its beginning. */
const NEAR_BYTES = 1024 * 1024;
/** Seconds by which a record may be older than a later one in the file. */
const SLACK_SECONDS = 10;

/**
 * Finds the start of a line before which all records are older than a time. Logs are expected in order, as auditd
 * writes them; for any other log the result is 0.
 *
 * @param seconds since the epoch
 */
export const seekTime = (path: string, size: number, seconds: number): number => {
  const fd = openSync(path, 'r');
  try {
    const before = seconds - SLACK_SECONDS;
    const buffer = Buffer.allocUnsafe(LOOK_BYTES);
    if (!isInOrder(fd, buffer, size)) return 0;
    let low = 0;
    let lowTime = Number.NEGATIVE_INFINITY;
    let high = size;
    let highTime = Number.POSITIVE_INFINITY;
    while (high - low > NEAR_BYTES) {
      const middle = Math.floor((low + high) / 2);
      const found = lineAt(fd, buffer, middle);
      if (found === undefined) return low;
      if (found.time < lowTime || found.time > highTime) return 0;
      if (found.time < before) {
        low = found.offset;
        lowTime = found.time;
      } else {
        high = middle;
        highTime = found.time;
      }
    }
    return low;
  } finally {
    closeSync(fd);
  }
};

/**
 * Places that are checked for the order of a log: one that is sorted otherwise, or merged from several, shows there.
 */
const SAMPLES = 64;

const isInOrder = (fd: number, buffer: Buffer, size: number): boolean => {
  let latest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < SAMPLES; i++) {
    const time = lineAt(fd, buffer, Math.floor((i / SAMPLES) * size))?.time;
    if (time === undefined) continue;
    if (time < latest - SLACK_SECONDS) return false;
    latest = Math.max(latest, time);
  }
  return true;
};

/** The first line with a time behind a byte. */
const lineAt = (
  fd: number,
  buffer: Buffer,
  from: number,
): { readonly offset: number; readonly time: number } | undefined => {
  const length = readSync(fd, buffer, 0, buffer.length, from);
  const text = buffer.toString('latin1', 0, length);
  const found = /\n[^\n]*?\baudit\((\d{1,11})\.\d+:\d+\)/.exec(text);
  return found === null ? undefined : { offset: from + found.index + 1, time: Number(found[1]) };
};
