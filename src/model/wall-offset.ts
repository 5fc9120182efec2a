import type { Clock } from './clock.ts';

/** Readings farther apart than this are repeated: the thread lost the CPU in between. */
const CLOSE_MS = 1;
const TRIES = 5;

/**
 * Reads another clock together with the wall clock.
 *
 * @param read milliseconds on the other clock
 * @returns what to add to the other clock's milliseconds to get milliseconds since the epoch; undefined if `read` has
 * none
 */
export const wallOffset = (clock: Clock, read: () => number | undefined): number | undefined => {
  let best: number | undefined;
  let bestGap = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && bestGap > CLOSE_MS; tries++) {
    const before = clock.wallMs();
    const other = read();
    const after = clock.wallMs();
    if (other === undefined) return undefined;
    const gap = Math.abs(after - before);
    if (gap >= bestGap) continue;
    bestGap = gap;
    best = (before + after) / 2 - other;
  }
  return best;
};
