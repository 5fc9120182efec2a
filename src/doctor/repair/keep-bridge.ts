import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckResult } from '../check-result.ts';
import { runRepair } from './run-repair.ts';

/** An instance that is about to end, or to start, is in the way for a while only. */
const TRIES = 6;

export interface KeepOptions {
  /** The audit socket of the instance that has ended. */
  readonly fd: number;
  /** Milliseconds that the next instance may take. */
  readonly patienceMs: number;
  /** Gives up at once. */
  readonly signal: AbortSignal;
  readonly repair?: () => Promise<readonly CheckResult[]>;
}

/**
 * Holds the socket until the next instance has taken it over, which ends this process; or, when none comes, lets go and
 * puts audit back as the instance that has ended found it; while something is in the way, again after as long.
 *
 * @returns what was put back
 */
export const keepBridge = async ({
  fd,
  patienceMs,
  signal,
  repair = runRepair,
}: KeepOptions): Promise<readonly CheckResult[]> => {
  await sleep(patienceMs, undefined, { signal }).catch(() => {});
  // Else the kernel would not believe that nobody has it.
  closeSync(fd);
  let results = await repair();
  for (let left = TRIES - 1; left > 0 && !results.every(({ status }) => status === 'ok'); left--) {
    if (signal.aborted) break;
    await sleep(patienceMs, undefined, { signal }).catch(() => {});
    results = await repair();
  }
  return results;
};
