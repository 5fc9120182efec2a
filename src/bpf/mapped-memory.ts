import { errno, libc, viewOf } from '../runtime/libc.ts';
import { BpfError } from './bpf-error.ts';
import type { LoadedSet } from './loader.ts';
import type { RingMemory } from './ring-reader.ts';

/** asm-generic/mman.h */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

let mmap:
  | ((at: number, bytes: number, protection: number, flags: number, fd: number, offset: number) => unknown)
  | undefined;
let pageSize: (() => number) | undefined;

/** sysconf(3): _SC_PAGESIZE */
const pageBytes = (): number => {
  pageSize ??= libc.func('int getpagesize()');
  return pageSize();
};

/**
 * Maps what a descriptor stands for, until the process ends.
 *
 * @throws BpfError `refused`
 */
const mapMemory = (
  fd: number,
  {
    bytes,
    offset = 0,
    writable = false,
  }: { readonly bytes: number; readonly offset?: number; readonly writable?: boolean },
): ArrayBuffer => {
  mmap ??= libc.func(
    'void *mmap(uintptr_t at, size_t bytes, int protection, int flags, int fd, long offset)',
  ) as NonNullable<typeof mmap>;
  const address = mmap(0, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
  if (address === MAP_FAILED) throw new BpfError('refused', `mmap of a BPF map: errno ${errno()}`);
  return viewOf(address, bytes);
};

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** The memory of a loaded set's ring buffer. It stays mapped until the process ends. */
export const ringMemory = ({ ringFd, ringBytes }: Pick<LoadedSet, 'ringFd' | 'ringBytes'>): RingMemory => {
  const page = pageBytes();
  const consumer = mapMemory(ringFd, { bytes: page, writable: true });
  // The kernel's position has a page, then come the data, twice.
  const producer = mapMemory(ringFd, { bytes: page + 2 * ringBytes, offset: page });
  return {
    consumed: new BigUint64Array(consumer, 0, 1),
    produced: new Uint32Array(producer, 0, 1),
    data: Buffer.from(producer, page, 2 * ringBytes),
  };
};

/** Counts the records that were lost. */
export const lossCounter = ({ lossesFd }: Pick<LoadedSet, 'lossesFd'>): (() => number) => {
  const value = new Uint32Array(mapMemory(lossesFd, { bytes: pageBytes() }), 0, 1);
  return () => value[0]!;
};
