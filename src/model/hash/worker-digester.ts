import type { Worker } from 'node:worker_threads';
import { startWorker } from '../../runtime/start-worker.ts';
import type { Digester } from './digester.ts';
import type { Digests } from './digests.ts';
import type { HashAnswer, HashQuestion } from './worker-protocol.ts';

/** How long a thread is not started again after it died. */
const RESTART_MS = 5000;

/** Megabytes. What is read lies outside of the heap. */
const YOUNG_MB = 2;

export const spawnHashWorker = (): Worker =>
  startWorker(new URL('./hash-worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });

export interface WorkerDigester {
  readonly digest: Digester;
  /** Starts the thread ahead of the first question, which would have to wait for it; resolves when it runs, or died. */
  start(): Promise<void>;
  /** Ends the thread; what it was asked comes to undefined. */
  close(): Promise<void>;
}

/**
 * Hashes on a thread of its own, started with the first question: neither a large file nor a disk that does not
 * answer holds up anything else.
 *
 * @param spawn starts a thread that runs `serveHashes`
 */
export const createWorkerDigester = (spawn: () => Worker = spawnHashWorker): WorkerDigester => {
  const asked = new Map<number, (digests: Digests | undefined) => void>();
  let worker: Worker | undefined;
  let nextId = 1;
  let diedAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  /** Settled when the newest thread runs, or has died. */
  let running: Promise<void> | undefined;

  const died = (): void => {
    worker = undefined;
    diedAt = performance.now();
    for (const done of asked.values()) done(undefined);
    asked.clear();
  };

  const start = (): Worker | undefined => {
    if (closed || performance.now() - diedAt < RESTART_MS) return undefined;
    try {
      const started = spawn();
      started.unref();
      running = new Promise(resolve => {
        started.once('online', resolve);
        started.once('exit', () => resolve());
      });
      started.on('message', ({ id, digests }: HashAnswer) => {
        asked.get(id)?.(digests);
        asked.delete(id);
      });
      // 'exit' follows, and does what there is to do; without a listener the error would end the process.
      started.on('error', () => {});
      started.on('exit', () => {
        if (worker === started) died();
      });
      return started;
    } catch {
      diedAt = performance.now();
      return undefined;
    }
  };

  return {
    async start() {
      worker ??= start();
      await running;
    },
    digest: (fd, size) =>
      new Promise(done => {
        worker ??= start();
        if (worker === undefined) {
          done(undefined);
          return;
        }
        const id = nextId++;
        asked.set(id, done);
        worker.postMessage({ id, fd, size } satisfies HashQuestion);
      }),
    async close() {
      closed = true;
      const ending = worker;
      if (ending !== undefined) {
        await ending.terminate();
        if (worker === ending) died();
      }
    },
  };
};
