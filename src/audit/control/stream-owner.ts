import { readFileSync } from 'node:fs';
import { PROGRAM_COMM } from '../../runtime/program-name.ts';

/** The process that owns the audit stream. */
export interface StreamOwner {
  readonly pid: number;
  readonly name: string;
  /**
   * Whether it is another instance of this program: recognized by its name, which counts only if root or this user
   * runs it.
   */
  readonly isOurs: boolean;
}

/**
 * The owner of the stream, other than this process.
 *
 * @param pid of the audit status
 * @returns undefined if nobody owns it, or the owner has ended, which the kernel notices when the next process asks
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
 * Whether root, or this process's user, runs a process, from its /proc/PID/status. All four ids count: a program with
 * the set-user-ID bit belongs to root only in part, and has the name of the link by which a user started it.
 */
export const isTrustedStatus = (status: string, ownUid = process.geteuid?.()): boolean => {
  const ids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)?.slice(1).map(Number);
  return ids !== undefined && (ids.every(id => id === 0) || ids.every(id => id === ownUid));
};
