import { setFlagsFromString } from 'node:v8';

/**
 * V8's options for this program; for Node's command line, and built into the single executable.
 *
 * Megabytes that new objects may fill: V8 would let them fill 50 before it collects, and nearly all are dead after
 * milliseconds.
 */
export const V8_OPTIONS = ['--max-semi-space-size=4'] as const;

/**
 * Percent by which the old generation may grow before V8 collects it; by default it may grow to four times its size.
 */
const GROWING_PERCENT = 20;

/**
 * Whether V8, in all threads, collects as soon as the heap has grown a little. That takes up to a fifth more CPU. It
 * is set at run time, because on the command line it makes V8 discard the executable's code cache.
 */
export const saveHeap = (isSaving: boolean): void => {
  setFlagsFromString(isSaving ? '--optimize-for-size' : '--no-optimize-for-size');
  setFlagsFromString(`--heap-growing-percent=${isSaving ? GROWING_PERCENT : 0}`);
};

/** Keeps the young generation at its initial size of a megabyte. For processes that keep nothing; call it first. */
export const keepHeapSmall = (): void => {
  saveHeap(true);
  setFlagsFromString('--semi-space-growth-factor=1');
};
