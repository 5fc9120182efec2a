import { Worker } from 'node:worker_threads';
import type { FuzzWorkerData, FuzzWorkerMessage } from './fuzz-messages.ts';
import type { FuzzProgress } from './fuzzer.ts';
import type { FuzzTarget } from './target.ts';

/** Milliseconds without a new input after which the thread is taken to hang. */
const HANG_MS = 20_000;
/** Megabytes of V8's heap that a target may take. */
const HEAP_MB = 512;

export type TargetResult =
  | ({ readonly kind: 'done'; readonly milliseconds: number } & FuzzProgress)
  | { readonly kind: 'finding'; readonly input: Uint8Array; readonly what: string };

export interface RunTargetOptions {
  readonly executions: number;
  readonly seed: number;
  readonly onProgress: (progress: FuzzProgress) => void;
}

/** Fuzzes one target in a thread of its own, which may hang, or die for want of memory. */
export const runTarget = async (
  target: FuzzTarget,
  { executions, seed, onProgress }: RunTargetOptions,
): Promise<TargetResult> => {
  const progress = new SharedArrayBuffer(8);
  const input = new SharedArrayBuffer(target.maxBytes);
  const workerData: FuzzWorkerData = { name: target.name, executions, seed, progress, input };
  const began = performance.now();
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), {
    workerData,
    execArgv: ['--conditions=source'],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const counter = new Int32Array(progress);
  const { promise, resolve } = Promise.withResolvers<TargetResult>();
  const endedWith = (what: string): void =>
    resolve({ kind: 'finding', input: Buffer.from(Buffer.from(input, 0, counter[1]!)), what });
  worker.on('message', (message: FuzzWorkerMessage) => {
    if (message.kind === 'progress') onProgress(message);
    else if (message.kind === 'finding') resolve(message);
    else resolve({ ...message, kind: 'done', milliseconds: performance.now() - began });
  });
  worker.on('error', error => endedWith(error instanceof Error ? String(error.stack) : String(error)));
  worker.on('exit', () => endedWith('the thread ended by itself'));
  let before = 0;
  const watch = setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now === before && now > 0) endedWith(`hangs: not done after ${HANG_MS} ms`);
    before = now;
  }, HANG_MS);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
};
