import { readFileSync } from 'node:fs';

/** Clock ticks per second of /proc. It is 100 on every architecture of Linux that osquery runs on. */
const TICKS_PER_SECOND = 100;

/** utime and stime behind the command, which may hold blanks and parentheses. Source: proc_pid_stat(5). */
export const cpuSecondsIn = (stat: string): number | undefined => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : undefined;
};

/** CPU of all threads of a process since its start; undefined if it cannot be read, as on macOS. */
export const cpuSecondsOf = (pid: number | undefined): number | undefined => {
  if (pid === undefined) return undefined;
  try {
    return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
};
