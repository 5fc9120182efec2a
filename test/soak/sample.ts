import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../bench/figure.ts';
import { memory } from '../bench/process-usage.ts';
import type { SupervisedExtension } from '../live/supervised-extension.ts';

/** What a process has at one moment. Memory is in MB of 10^6 bytes. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  readonly rss: number;
  /** … of it what is not pages of files. */
  readonly anonymous: number;
  /** JavaScript's objects, by thread. */
  readonly heaps: readonly number[];
  /** The pages these lie on. */
  readonly heapPages: readonly number[];
  /** What they hold outside of their heap, by thread. */
  readonly externals: readonly number[];
  readonly fds: number;
  readonly threads: number;
  readonly timers: number;
  /** Rows in its buffers. */
  readonly rows: number;
}

const PROBE_MS = 5_000;
const PROBED = /^probe (.*)$/gm;

interface Probed {
  readonly timers: number;
  /** Bytes. */
  readonly memory: readonly {
    readonly heapUsed: number;
    readonly heapTotal: number;
    readonly external: number;
  }[];
}

/** Rejects if the process does not answer. */
export const takeSample = async (extension: SupervisedExtension, at: number): Promise<Sample> => {
  const { pid } = extension;
  const { rows_buffered: rows } = await extension.status();
  const { timers, memory: threads } = await probe(extension);
  const { rss, anonymous } = memory(pid);
  return {
    at,
    rss,
    anonymous,
    heaps: threads.map(({ heapUsed }) => heapUsed / 1e6),
    heapPages: threads.map(({ heapTotal }) => heapTotal / 1e6),
    externals: threads.map(({ external }) => external / 1e6),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    timers,
    rows: Number(rows),
  };
};

const probe = async (extension: SupervisedExtension): Promise<Probed> => {
  const before = extension.stderr.length;
  process.kill(extension.pid, 'SIGUSR2');
  const deadline = performance.now() + PROBE_MS;
  for (;;) {
    const [found] = extension.stderr.slice(before).matchAll(PROBED);
    if (found !== undefined) return JSON.parse(found[1]!);
    if (performance.now() > deadline) throw new Error(`expected an answer of the probe in ${PROBE_MS} ms`);
    await sleep(10);
  }
};

/** How much a value grew from the first half to the second, by their medians. */
export const growth = (samples: readonly Sample[], of: (sample: Sample) => number): number => {
  const half = Math.floor(samples.length / 2);
  return median(samples.slice(-half).map(of)) - median(samples.slice(0, half).map(of));
};

/** The samples since the buffers were full and `seconds` had passed: what fills up to its limit is not what grows. */
export const sinceFull = (samples: readonly Sample[], rows: number, seconds: number): readonly Sample[] => {
  const full = samples.find(sample => sample.rows >= rows);
  return full === undefined ? [] : samples.filter(({ at }) => at >= full.at + seconds);
};
