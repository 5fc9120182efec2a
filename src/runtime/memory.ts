import { readFileSync, realpathSync } from 'node:fs';
import { libc } from './libc.ts';
import { saveHeap } from './v8-options.ts';

const madvise: (address: bigint, length: bigint, advice: number) => number = libc.func(
  'int madvise(uint64_t address, uint64_t length, int advice)',
);

/** linux/mman.h */
const MADV_DONTNEED = 4;
/** malloc.h of glibc */
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** Heaps of the C library. Without a limit it makes one for each thread, and each keeps what other threads free. */
const ARENAS = 2;

/** How much memory a process may have. */
export interface MemoryBounds {
  /** Resident bytes above which memory is saved. */
  readonly tightBytes: number;
  readonly roomyBytes: number;
  /** Allocations from this size on are separate mappings, which go back to the system when freed. */
  readonly mappedBytes: number;
}

/** Beside other programs on a host: with 50,000 rows there are 104 MB. */
export const BESIDE_OTHERS: MemoryBounds = {
  tightBytes: 110_000_000,
  roomyBytes: 100_000_000,
  mappedBytes: 128 * 1024,
};

/**
 * While somebody waits for recorded events: saving memory, and mapping and clearing the same pages again, takes a
 * fifth more CPU.
 */
export const READS_RECORDED: MemoryBounds = {
  tightBytes: 240_000_000,
  roomyBytes: 220_000_000,
  mappedBytes: 4 * 1024 * 1024,
};

/** Milliseconds between two looks at memory. After a number of looks the C library returns its reserve. */
const LOOK_MS = 250;
const TRIM_LOOKS = 4;
/** Milliseconds after which the work of starting is over; later, the time between two looks. */
const STARTED_MS = 3_000;
const AGAIN_MS = 4_000;

/**
 * Keeps this process's memory small while it runs. Call it before threads are started. Does nothing on other systems:
 * the settings are those of glibc, the pages those of Linux.
 */
export const settleMemory = (bounds: MemoryBounds): void => {
  if (process.platform !== 'linux') return;
  try {
    const mallopt: (parameter: number, value: number) => number = libc.func(
      'int mallopt(int parameter, int value)',
    );
    mallopt(M_MMAP_THRESHOLD, bounds.mappedBytes);
    mallopt(M_ARENA_MAX, ARENAS);
  } catch {
    // Another C library.
  }
  const pressure = new MemoryPressure({ saveHeap, trim }, bounds);
  const looking = setInterval(() => {
    const bytes = residentBytes();
    if (bytes === undefined) clearInterval(looking);
    else pressure.look(bytes);
  }, LOOK_MS).unref();
  setTimeout(() => {
    if (releaseProgramPages()) setInterval(releaseProgramPages, AGAIN_MS).unref();
  }, STARTED_MS).unref();
};

/** The memory that this process has in RAM; undefined if there is no procfs. */
export const residentBytes = (): number | undefined => {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
};

/** Returns the C library's reserve to the system. */
const trim = (): void => {
  try {
    mallocTrim ??= libc.func('int malloc_trim(size_t pad)');
    mallocTrim(0);
  } catch {
    // Another C library.
  }
};
let mallocTrim: ((pad: number) => number) | undefined;

export interface MemorySavings {
  readonly saveHeap: (isSaving: boolean) => void;
  readonly trim: () => void;
}

/** Saves memory at the cost of CPU when the process has become large, which happens only in a flood. */
export class MemoryPressure {
  readonly #savings: MemorySavings;
  readonly #bounds: MemoryBounds;
  #isTight = false;
  #looks = 0;

  constructor(savings: MemorySavings, bounds: MemoryBounds) {
    this.#savings = savings;
    this.#bounds = bounds;
  }

  /** @param rss resident bytes of the process; to be called again and again */
  look(rss: number): void {
    const isTight = rss >= (this.#isTight ? this.#bounds.roomyBytes : this.#bounds.tightBytes);
    if (isTight !== this.#isTight) this.#savings.saveHeap(isTight);
    this.#isTight = isTight;
    if (isTight && this.#looks++ % TRIM_LOOKS === 0) this.#savings.trim();
  }
}

interface Mapping {
  /** Its line in /proc/PID/maps. */
  readonly line: string;
  readonly start: bigint;
  readonly length: bigint;
}

let unchanged: readonly Mapping[] | undefined;

/**
 * Returns mapped pages of this program's file to the page cache: half of Node's memory after its start is code and
 * data that only the start needed. Pages that are needed again are mapped without a read from disk.
 *
 * The mappings are determined once, because for `smaps` the kernel walks through all pages, which takes 30 ms.
 * Mappings that are not writable cannot change; `maps` tells whether they are still the same.
 *
 * @returns whether it could be done: on Linux, where there is a procfs
 */
export const releaseProgramPages = (): boolean => {
  if (process.platform !== 'linux') return false;
  try {
    unchanged ??= unchangedMappings(
      readFileSync('/proc/self/smaps', 'latin1'),
      realpathSync('/proc/self/exe'),
    );
    const lines = new Set(readFileSync('/proc/self/maps', 'latin1').split('\n'));
    return unchanged
      .filter(({ line }) => lines.has(line))
      .every(({ start, length }) => madvise(start, length, MADV_DONTNEED) === 0);
  } catch {
    // There is no procfs, or none of this process.
    return false;
  }
};

/**
 * The mappings of a file in which no page was ever written, from the text of /proc/PID/smaps. In other mappings,
 * written data would be lost.
 */
export const unchangedMappings = (smaps: string, path: string): Mapping[] => {
  const found: Mapping[] = [];
  let mapping: Mapping | undefined;
  for (const line of smaps.split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ +(.*)$/.exec(line);
    if (head !== null) {
      const [, from, to, permissions, file] = head;
      const start = BigInt(`0x${from}`);
      mapping =
        file === path && permissions![1] === '-'
          ? { line, start, length: BigInt(`0x${to}`) - start }
          : undefined;
    } else if (mapping !== undefined && /^Anonymous: +0 kB$/.test(line)) {
      found.push(mapping);
      mapping = undefined;
    }
  }
  return found;
};
