import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckResult } from '../check-result.ts';
import { runRepair } from './run-repair.ts';

export interface KeepOptions {
  /** The audit socket of the instance that has ended. */
  readonly fd: number;
  /** Milliseconds that the next instance may take. */
  readonly patienceMs: number;
  /** Gives up at once. */
  readonly signal: AbortSignal;
}

/**
 * Holds the socket until the next instance has taken it over, which ends this process; or, when none comes, lets go and
 * puts audit back as the instance that has ended found it.
 *
 * @returns what was put back
 */
export const keepBridge = async ({
  fd,
  patienceMs,
  signal,
}: KeepOptions): Promise<readonly CheckResult[]> => {
  await sleep(patienceMs, undefined, { signal }).catch(() => {});
  // Else the kernel would not believe that nobody has it.
  closeSync(fd);
  return runRepair();
};
