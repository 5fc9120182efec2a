import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckResult } from '../check-result.ts';
import { runRepair } from './run-repair.ts';

/** Tries to restore audit. An instance that is about to end or to start is in the way only for a while. */
const TRIES = 6;

export interface KeepOptions {
  /** The audit socket of the instance that ended. */
  readonly fd: number;
  /** Milliseconds to wait for the next instance. */
  readonly patienceMs: number;
  /** Stops waiting at once. */
  readonly signal: AbortSignal;
  readonly repair?: () => Promise<readonly CheckResult[]>;
}

/**
 * Holds the socket until the next instance has taken it over, which ends this process. If none comes, it closes the
 * socket and puts audit back as the ended instance had found it. If something is in the way, it tries again after the
 * same time.
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
  // Otherwise the kernel would still report an owner.
  closeSync(fd);
  let results = await repair();
  for (let left = TRIES - 1; left > 0 && !results.every(({ status }) => status === 'ok'); left--) {
    if (signal.aborted) break;
    await sleep(patienceMs, undefined, { signal }).catch(() => {});
    results = await repair();
  }
  return results;
};
