import { basename } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import {
  parentPort,
  receiveMessageOnPort,
  Worker,
  type WorkerOptions,
  workerData,
} from 'node:worker_threads';

/** In megabytes. V8 would let new objects fill 50 before it collects; nearly all are dead after milliseconds. */
const YOUNG_MB = 8;

/** The data of a worker that was started before its real data were known. */
interface LaterData {
  /** One word, which becomes 1 when the data have been sent. */
  readonly sent: Int32Array;
}

/** Workers started ahead for `startWorker`, by the module's path. */
const warm = new Map<string, { readonly worker: Worker; readonly later: LaterData }>();

/**
 * Starts a worker thread from a module of this program. The module is given as `new URL('./some-worker.ts',
 * import.meta.url)`, because the build searches for that text. When run from the sources, the module itself runs; the
 * single executable has no files and runs the bundle that the build made of the module. If `warmWorker` has started a
 * thread, that is used, with its own options.
 */
export const startWorker = (entry: URL, options: WorkerOptions = {}): Worker => {
  const started = warm.get(entry.pathname);
  if (started === undefined) return newWorker(entry, options);
  warm.delete(entry.pathname);
  const { worker, later } = started;
  worker.ref();
  worker.postMessage(options.workerData, options.transferList ?? []);
  Atomics.store(later.sent, 0, 1);
  Atomics.notify(later.sent, 0);
  return worker;
};

/**
 * Starts a thread before its data are known. Meanwhile it loads its module, which takes a third of an extension's start. Only for
 * modules that get their data by `dataOfWorker`. Disposing of it ends the thread if `startWorker` has not taken it.
 */
export const warmWorker = (entry: URL): AsyncDisposable => {
  const later: LaterData = { sent: new Int32Array(new SharedArrayBuffer(4)) };
  const worker = newWorker(entry, { workerData: later });
  worker.unref();
  warm.set(entry.pathname, { worker, later });
  return {
    async [Symbol.asyncDispose]() {
      if (warm.get(entry.pathname)?.worker !== worker) return;
      warm.delete(entry.pathname);
      await worker.terminate();
    },
  };
};

/** In a worker: the `workerData` that `startWorker` was given. Blocks the thread until they are known; messages arrive later. */
export const dataOfWorker = (): unknown => {
  if (!isLater(workerData)) return workerData;
  Atomics.wait(workerData.sent, 0, 0);
  return receiveMessageOnPort(parentPort!)!.message;
};

const isLater = (data: unknown): data is LaterData =>
  typeof data === 'object' && data !== null && 'sent' in data && data.sent instanceof Int32Array;

const newWorker = (entry: URL, more: WorkerOptions): Worker => {
  const options: WorkerOptions = { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB }, ...more };
  if (!isSea()) return new Worker(entry, options);
  // Without --input-type Node would first parse all of it as CommonJS.
  return new Worker(getAsset(workerAsset(entry.pathname), 'utf8'), {
    ...options,
    eval: true,
    // The executable's V8 options apply to the whole process; a worker must not have them.
    execArgv: ['--input-type=module'],
  });
};

/** Name of the asset that holds the bundle of a worker's module. */
export const workerAsset = (path: string): string => `${basename(path, '.ts')}.mjs`;
