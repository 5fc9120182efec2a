import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../bench/figure.ts';
import { memory } from '../bench/process-usage.ts';
import type { SupervisedExtension } from '../live/supervised-extension.ts';

/** What a process has at one moment. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  /** MB of 10^6 bytes. */
  readonly rss: number;
  readonly fds: number;
  readonly threads: number;
  readonly timers: number;
}

const PROBE_MS = 2_000;
const PROBED = /^probe (.*)$/gm;

/** Rejects if the process does not answer. */
export const takeSample = async (extension: SupervisedExtension, at: number): Promise<Sample> => {
  const { pid } = extension;
  const before = extension.stderr.length;
  process.kill(pid, 'SIGUSR2');
  const deadline = performance.now() + PROBE_MS;
  for (;;) {
    const [found] = extension.stderr.slice(before).matchAll(PROBED);
    if (found !== undefined) {
      return {
        at,
        rss: memory(pid).rss,
        fds: readdirSync(`/proc/${pid}/fd`).length,
        threads: readdirSync(`/proc/${pid}/task`).length,
        timers: JSON.parse(found[1]!).timers,
      };
    }
    if (performance.now() > deadline) throw new Error(`expected an answer of the probe in ${PROBE_MS} ms`);
    await sleep(10);
  }
};

/** How much a value grew from the first half to the second, by their medians. */
export const growth = (samples: readonly Sample[], of: (sample: Sample) => number): number => {
  const half = Math.floor(samples.length / 2);
  return median(samples.slice(-half).map(of)) - median(samples.slice(0, half).map(of));
};
