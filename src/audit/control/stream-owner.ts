import { readFileSync } from 'node:fs';
import { PROGRAM_COMM } from '../../runtime/program-name.ts';

/** The process that has the audit stream. */
export interface StreamOwner {
  readonly pid: number;
  readonly name: string;
  /** Another instance of this program: by its name, which counts only where root or this very user runs it. */
  readonly isOurs: boolean;
}

/**
 * Who, besides this process, has the stream.
 *
 * @param pid of the audit status
 * @returns undefined for nobody; also if the process is gone, which the kernel notices when the next one asks
 */
export const otherOwner = (pid: number): StreamOwner | undefined =>
  pid === 0 || pid === process.pid ? undefined : describeProcess(pid);

/** undefined if there is no such process. */
export const describeProcess = (pid: number): StreamOwner | undefined => {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return { pid, name, isOurs: name === PROGRAM_COMM && isTrustedStatus(status) };
  } catch {
    return undefined;
  }
};

/**
 * Whether root runs a process, or the user of this one, by its /proc/PID/status. All four ids count: a program with the set-user-ID
 * bit is root's in part only, and has the name of the link by which a user has started it.
 */
export const isTrustedStatus = (status: string, ownUid = process.geteuid?.()): boolean => {
  const ids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)?.slice(1).map(Number);
  return ids !== undefined && (ids.every(id => id === 0) || ids.every(id => id === ownUid));
};
