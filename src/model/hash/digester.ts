import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { Digests } from './digests.ts';

/** Reads `size` bytes of an open file; undefined if there are more or fewer, or they cannot be read. */
export type Digester = (fd: number, size: number) => Promise<Digests | undefined>;

/** Bytes read and hashed in one go, about half a millisecond of work. */
export const SLICE_BYTES = 262_144;

interface Job {
  readonly fd: number;
  readonly size: number;
  readonly md5: Hash | undefined;
  readonly sha256: Hash;
  readonly done: (digests: Digests | undefined) => void;
  position: number;
}

/**
 * Hashes on the calling thread, a slice at a time between other work. The file with the least left goes first, so
 * that a large one does not hold up many small ones.
 */
export const createLocalDigester = (): Digester => {
  const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
  const jobs = new Set<Job>();

  const work = (): void => {
    let job: Job | undefined;
    for (const candidate of jobs) {
      if (job === undefined || candidate.size - candidate.position < job.size - job.position) job = candidate;
    }
    if (job === undefined) return;
    const digests = step(job, buffer);
    if (digests !== 'more') {
      jobs.delete(job);
      job.done(digests);
    }
    if (jobs.size > 0) setImmediate(work);
  };

  return (fd, size) =>
    new Promise(done => {
      jobs.add({ fd, size, md5: createMd5(), sha256: createHash('sha256'), done, position: 0 });
      if (jobs.size === 1) setImmediate(work);
    });
};

const step = (job: Job, buffer: Buffer): Digests | undefined | 'more' => {
  let read: number;
  try {
    read = readSync(job.fd, buffer, 0, SLICE_BYTES, job.position);
  } catch {
    return undefined;
  }
  job.position += read;
  if (job.position > job.size) return undefined;
  if (read > 0) {
    const bytes = buffer.subarray(0, read);
    job.md5?.update(bytes);
    job.sha256.update(bytes);
    return 'more';
  }
  if (job.position < job.size) return undefined;
  return { md5: job.md5?.digest('hex'), sha256: job.sha256.digest('hex') };
};

const createMd5 = (): Hash | undefined => {
  try {
    return createHash('md5');
  } catch {
    return undefined;
  }
};
