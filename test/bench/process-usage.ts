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
  readdirSync(`/proc/${pid}/task`).flatMap(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );

export interface Memory {
  /** MB of 10^6 bytes. */
  readonly rss: number;
  readonly peakRss: number;
  /** … of rss, what is not pages of files: heap, stacks, buffers. */
  readonly anonymous: number;
}

export const memory = (pid: number): Memory => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { rss: megabytes('VmRSS'), peakRss: megabytes('VmHWM'), anonymous: megabytes('RssAnon') };
};
