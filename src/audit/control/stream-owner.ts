import { readFileSync } from 'node:fs';

/** comm of our process, by which another instance of ours is known: PR_SET_NAME keeps 15 bytes. */
export const PROCESS_TITLE = 'osquery-audit-events';
const PROCESS_COMM = PROCESS_TITLE.slice(0, 15);

/** The process that has the audit stream. */
export interface StreamOwner {
  readonly pid: number;
  readonly name: string;
  /** Another instance of this program. */
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
    return { pid, name, isOurs: name === PROCESS_COMM };
  } catch {
    return undefined;
  }
};
