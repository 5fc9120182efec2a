import { setFlagsFromString } from 'node:v8';

/**
 * How V8 works in this program; for Node's command line, and built into the single executable.
 *
 * Megabytes that what is new may fill: V8 would let it fill 50 before it looks; all of it is dead after milliseconds.
 */
export const V8_OPTIONS = ['--max-semi-space-size=4'] as const;

/** Percent by which what is old may grow before V8 looks there: it would let it fill up to four times as much. */
const GROWING_PERCENT = 20;

/**
 * Whether V8, in all threads, looks for what is dead as soon as there is a little more. That takes up to a fifth more CPU. Said
 * while the program runs, as on the command line it makes V8 throw away the code that the executable has compiled beforehand.
 */
export const saveHeap = (isSaving: boolean): void => {
  setFlagsFromString(isSaving ? '--optimize-for-size' : '--no-optimize-for-size');
  setFlagsFromString(`--heap-growing-percent=${isSaving ? GROWING_PERCENT : 0}`);
};

/** Keeps what is new in the memory that it has at the start, a megabyte. For processes that keep nothing; to be called first. */
export const keepHeapSmall = (): void => {
  saveHeap(true);
  setFlagsFromString('--semi-space-growth-factor=1');
};
