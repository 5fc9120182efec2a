import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { CpuBudget } from './cpu-budget.ts';
import type { Digests } from './digests.ts';
import { type FindData, findDataByLseek } from './find-data.ts';

/** An open file, to be read to its end. */
export interface DigestJob {
  readonly fd: number;
  readonly size: number;
  /** Bytes that it occupies: fewer than its size if it has holes, or the file system compresses. */
  readonly allocated: number;
  /** The owner of the job. */
  readonly owner: number;
  /** Called before each look at it, which may hang. */
  readonly begin?: () => void;
}

/**
 * Reads a file's `size` bytes. `refused` if there is too much to read; undefined if there are more or fewer bytes, or
 * they cannot be read.
 */
export type Digester = (job: DigestJob) => Promise<Digests | 'refused' | undefined>;

export interface DigesterOptions {
  /** Percent of a CPU, except for bursts. */
  readonly cpuPercent: number;
  /** Most files that wait or are being read. */
  readonly maxWaiting: number;
  /** CPU that this process has used, in milliseconds; and the time, in milliseconds of a monotonic clock. */
  readonly cpuMs: () => number;
  readonly now: () => number;
  readonly findData: FindData;
}

export const DIGESTER_OPTIONS: DigesterOptions = {
  cpuPercent: 25,
  maxWaiting: 256,
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  now: () => performance.now(),
  findData: findDataByLseek,
};

/** Bytes that are read and hashed at once: about half a millisecond of work. */
export const SLICE_BYTES = 262_144;
/** Milliseconds until it is checked again whether CPU may be used. */
const WAIT_MS = 20;

interface Job extends DigestJob {
  readonly md5: Hash | undefined;
  readonly sha256: Hash;
  readonly done: (digests: Digests | 'refused' | undefined) => void;
  position: number;
  /** Where the hole at `position` ends. */
  holeUntil: number;
  /** Where data are known to begin, and to end. */
  dataUntil: number;
}

/**
 * Hashes a slice at a time, between other work. The owner who used the least CPU lately has the next turn, with his
 * file that has the least left, so neither a large file nor an owner with many files delays others. When too many
 * files wait, the owner of most of them loses his largest.
 */
export const createDigester = (given: Partial<DigesterOptions> = {}): Digester => {
  const options = { ...DIGESTER_OPTIONS, ...given };
  const { cpuMs, maxWaiting, findData } = options;
  const budget = new CpuBudget(options);
  const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
  const zeros = Buffer.alloc(SLICE_BYTES);
  const jobs = new Set<Job>();
  let isScheduled = false;

  const schedule = (waitMs: number): void => {
    if (isScheduled || jobs.size === 0) return;
    isScheduled = true;
    if (waitMs === 0) setImmediate(work);
    else setTimeout(work, waitMs);
  };

  const work = (): void => {
    isScheduled = false;
    const job = budget.next(jobs, leftOf);
    if (job === undefined) {
      schedule(WAIT_MS);
      return;
    }
    const before = cpuMs();
    job.begin?.();
    const digests = step(job, buffer, zeros, findData);
    budget.take(job.owner, cpuMs() - before);
    if (digests !== 'more') {
      jobs.delete(job);
      job.done(digests);
    }
    schedule(0);
  };

  const makeRoom = (): void => {
    if (jobs.size <= maxWaiting) return;
    const job = largestOfGreediest(jobs);
    jobs.delete(job);
    job.done('refused');
  };

  return job =>
    new Promise(done => {
      const hashes = { md5: createMd5(), sha256: createHash('sha256') };
      jobs.add({ ...job, ...hashes, done, position: 0, holeUntil: 0, dataUntil: 0 });
      makeRoom();
      schedule(0);
    });
};

const leftOf = (job: Job): number => job.size - job.position;

const largestOfGreediest = (jobs: ReadonlySet<Job>): Job => {
  const counts = new Map<number, number>();
  for (const { owner } of jobs) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const most = Math.max(...counts.values());
  let largest: Job | undefined;
  for (const job of jobs) {
    if (counts.get(job.owner) !== most) continue;
    if (largest === undefined || leftOf(job) > leftOf(largest)) largest = job;
  }
  return largest!;
};

const step = (job: Job, buffer: Buffer, zeros: Buffer, findData: FindData): Digests | undefined | 'more' => {
  if (passHole(job, zeros, findData)) return 'more';
  let read: number;
  try {
    read = readSync(job.fd, buffer, 0, SLICE_BYTES, job.position);
  } catch {
    return undefined;
  }
  job.position += read;
  if (job.position > job.size) return undefined;
  if (read > 0) {
    update(job, buffer.subarray(0, read));
    return 'more';
  }
  if (job.position < job.size) return undefined;
  return { md5: job.md5?.digest('hex'), sha256: job.sha256.digest('hex') };
};

/**
 * Hashes the zeros of a hole without reading them, because each read would take a page of memory. @returns whether
 * there was one
 */
const passHole = (job: Job, zeros: Buffer, findData: FindData): boolean => {
  if (job.allocated >= job.size || job.position >= job.size) return false;
  if (job.position >= job.holeUntil && job.position >= job.dataUntil) {
    const { start, end } = findData(job.fd, job.position, job.size);
    job.holeUntil = start;
    job.dataUntil = end;
  }
  if (job.position >= job.holeUntil) return false;
  const length = Math.min(SLICE_BYTES, job.holeUntil - job.position);
  update(job, zeros.subarray(0, length));
  job.position += length;
  return true;
};

const update = (job: Job, bytes: Uint8Array): void => {
  job.md5?.update(bytes);
  job.sha256.update(bytes);
};

const createMd5 = (): Hash | undefined => {
  try {
    return createHash('md5');
  } catch {
    return undefined;
  }
};
