import { readdirSync, readFileSync } from 'node:fs';
import { libc } from '../../src/runtime/libc.ts';

const clockGettime: (clock: number, time: BigInt64Array) => number = libc.func(
  'int clock_gettime(int clock, void *time)',
);

/** include/linux/posix-timers.h: the clock of the CPU that a process uses. */
const CPUCLOCK_SCHED = 2;

/** CPU seconds, user and system, that a process and all its threads, ended ones too, have used so far, to the nanosecond. */
export const cpuSeconds = (pid: number): number => {
  const time = new BigInt64Array(2);
  if (clockGettime((~pid << 3) | CPUCLOCK_SCHED, time) !== 0) throw new Error(`there is no process ${pid}`);
  return Number(time[0]) + Number(time[1]) / 1e9;
};

/** The processes that a process has started and that still run, such as those that look at files for it. */
export const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap(thread => childrenOfThread(pid, thread));

const childrenOfThread = (pid: number, thread: string): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    // The thread has ended.
    return [];
  }
};

export interface Memory {
  /** MB of 10^6 bytes. */
  readonly rss: number;
  readonly peakRss: number;
  /** … of rss, what is not pages of files: heap, stacks, buffers. */
  readonly anonymous: number;
}

/**
 * Of a process and those that it has started: all of their own pages, and the pages of files of the one that has most of
 * these, as they run the same file.
 */
export const treeMemory = (pid: number): number => {
  const all = [pid, ...childrenOf(pid)].flatMap(each => {
    try {
      return [memory(each)];
    } catch {
      // Ended meanwhile, such as a question to NSS.
      return [];
    }
  });
  const anonymous = all.reduce((sum, each) => sum + each.anonymous, 0);
  return anonymous + Math.max(...all.map(each => each.rss - each.anonymous));
};

export const memory = (pid: number): Memory => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const megabytes = (name: string): number =>
    // One that has just ended has none.
    (Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6;
  return { rss: megabytes('VmRSS'), peakRss: megabytes('VmHWM'), anonymous: megabytes('RssAnon') };
};
