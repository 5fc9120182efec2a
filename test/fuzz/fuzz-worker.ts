import { parentPort, workerData } from 'node:worker_threads';
import type { FuzzWorkerData, FuzzWorkerMessage } from './fuzz-messages.ts';
import { Finding, fuzz, runInput } from './fuzzer.ts';
import { minimize } from './minimize.ts';
import { keptSeeds } from './seeds.ts';
import { targets } from './targets.ts';

const { name, executions, seed, progress, input } = workerData as FuzzWorkerData;
const target = targets.find(known => known.name === name)!;
const report = (message: FuzzWorkerMessage): void => parentPort!.postMessage(message);

const counter = new Int32Array(progress);
const current = Buffer.from(input);

/** Milliseconds between two reports. */
const REPORT_MS = 2_000;
let reportedAt = 0;

try {
  const result = fuzz(target, {
    executions,
    seed,
    seeds: keptSeeds(name),
    // So that the other thread has the input with which this one hangs or dies.
    onInput: bytes => {
      bytes.copy(current);
      counter[1] = bytes.length;
      Atomics.add(counter, 0, 1);
    },
    onProgress: state => {
      if (performance.now() - reportedAt < REPORT_MS) return;
      reportedAt = performance.now();
      report({ kind: 'progress', ...state });
    },
  });
  report({ kind: 'done', ...result });
} catch (error) {
  if (!(error instanceof Finding)) throw error;
  const stackOf = (finding: Finding): string => String((finding.cause as Error).stack ?? finding.message);
  const fails = (bytes: Buffer): boolean => {
    Atomics.add(counter, 0, 1);
    try {
      runInput(target, bytes);
      return false;
    } catch (other) {
      return other instanceof Finding && other.message.slice(0, 24) === error.message.slice(0, 24);
    }
  };
  const shortest = fails(error.input) ? minimize(error.input, fails) : error.input;
  report({ kind: 'finding', input: shortest, what: stackOf(error) });
}
