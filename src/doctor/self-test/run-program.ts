import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';

/** A program that was started, recognizable by its arguments. */
export interface TestProgram {
  readonly pid: number;
  /** As in column cmdline. */
  readonly cmdline: string;
  /** Just before its start, on the clock of performance.now(). */
  readonly startedAt: number;
}

/** It does nothing, and every system has it at one of these paths. */
const PATHS = ['/bin/true', '/usr/bin/true', '/run/current-system/sw/bin/true'];

/**
 * Starts a program that does nothing, with a unique argument.
 *
 * @throws Error if there is none, or it cannot be started
 */
export const runProgram = async (): Promise<TestProgram> => {
  const path = PATHS.find(candidate => existsSync(candidate));
  if (path === undefined) throw new Error(`no program to run: expected one of ${PATHS.join(', ')}`);
  const argument = `osquery-audit-events-doctor-${randomUUID()}`;
  const startedAt = performance.now();
  const child = spawn(path, [argument], { stdio: 'ignore' });
  await new Promise<void>((resolve, reject) => {
    child.once('error', cause => reject(new Error(`${path} cannot be run: ${cause.message}`, { cause })));
    child.once('exit', () => resolve());
  });
  return { pid: child.pid!, cmdline: `${path} ${argument}`, startedAt };
};
