import { readFileSync } from 'node:fs';

/** USER_HZ: what the kernel counts /proc/PID/stat in, on every architecture that Linux runs on today. */
const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, that a process and all its threads, ended ones too, have used so far. */
export const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program stands in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

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
