import { basename } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Megabytes: V8 would let what is short-lived fill 50 before it looks; all of it is dead after milliseconds. */
const YOUNG_MB = 8;

/**
 * Starts a worker thread from a module of this program, given as `new URL('./some-worker.ts', import.meta.url)`: the
 * build finds it by that text. From the sources the module itself runs; the single executable has no files, and runs
 * the bundle that the build made of the module.
 */
export const startWorker = (entry: URL, more: WorkerOptions = {}): Worker => {
  const options: WorkerOptions = { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB }, ...more };
  if (!isSea()) return new Worker(entry, options);
  // Without --input-type Node would first parse it all as CommonJS.
  return new Worker(getAsset(workerAsset(entry.pathname), 'utf8'), {
    ...options,
    eval: true,
    // What the executable gives V8 is for the whole process, and refused here.
    execArgv: ['--input-type=module'],
  });
};

/** Name of the asset with the bundle of a worker's module. */
export const workerAsset = (path: string): string => `${basename(path, '.ts')}.mjs`;
