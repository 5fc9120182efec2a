import { basename } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread from a module of this program, given as `new URL('./some-worker.ts', import.meta.url)`: the
 * build finds it by that text. From the sources the module itself runs; the single executable has no files, and runs
 * the bundle that the build made of the module.
 */
export const startWorker = (entry: URL, options: WorkerOptions = {}): Worker => {
  if (!isSea()) return new Worker(entry, options);
  // Without --input-type Node would first parse it all as CommonJS.
  return new Worker(getAsset(workerAsset(entry.pathname), 'utf8'), {
    ...options,
    eval: true,
    execArgv: [...process.execArgv, '--input-type=module'],
  });
};

/** Name of the asset with the bundle of a worker's module. */
export const workerAsset = (path: string): string => `${basename(path, '.ts')}.mjs`;
