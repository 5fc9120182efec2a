import { decodeText } from '../../audit/value.ts';

/** The parts of `/proc/PID/stat` that distinguish processes. */
export interface ProcessStat {
  readonly pid: number;
  /** The name of the main thread, at most 15 bytes. */
  readonly comm: string;
  /** `R`, `S`, `Z` … */
  readonly state: string;
  readonly ppid: number;
  readonly session: number;
  /** It is ending, or has ended and was not waited for; its other threads, if there are any, may go on. */
  readonly isExiting: boolean;
  /**
   * When the process started, in clock ticks since boot; together with the pid it identifies a process permanently.
   */
  readonly startTicks: number;
}

const CLOSE = 0x29;
const OPEN = 0x28;
/** Positions behind the comm, which may itself contain spaces and brackets. Source: proc_pid_stat(5). */
const STATE = 0;
const PPID = 1;
const SESSION = 3;
const FLAGS = 6;
const STARTTIME = 19;
/** Of the kernel's task flags. Source: include/linux/sched.h. */
const PF_EXITING = 4;

/** @returns undefined if the bytes are not a whole stat line */
export const parseStat = (bytes: Uint8Array): ProcessStat | undefined => {
  const open = bytes.indexOf(OPEN);
  const close = bytes.lastIndexOf(CLOSE);
  if (open < 2 || close < open) return undefined;
  const pid = integer(latin1(bytes, 0, open - 1));
  const rest = latin1(bytes, close + 2, bytes.length).split(' ', STARTTIME + 2);
  // One position more than the last one that is read: a cut number would still look like a number.
  if (rest.length < STARTTIME + 2) return undefined;
  const state = rest[STATE]!;
  const ppid = integer(rest[PPID]!);
  const session = integer(rest[SESSION]!);
  const flags = integer(rest[FLAGS]!);
  const startTicks = integer(rest[STARTTIME]!);
  if (pid === undefined || ppid === undefined || session === undefined) return undefined;
  if (flags === undefined || startTicks === undefined) return undefined;
  const comm = decodeText(bytes, open + 1, close);
  return { pid, comm, state, ppid, session, isExiting: (flags & PF_EXITING) !== 0, startTicks };
};

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

const integer = (text: string): number | undefined => {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
};
