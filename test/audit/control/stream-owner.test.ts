import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeProcess, isTrustedStatus } from '../../../src/audit/control/stream-owner.ts';
import { PROGRAM, PROGRAM_COMM } from '../../../src/runtime/program-name.ts';
import { unless, whyNotLinux, whyNotRoot } from '../../unless.ts';

const status = (...ids: readonly number[]): string => `Name:\tx\nUid:\t${ids.join('\t')}\nGid:\t0\t0\t0\t0\n`;

describe('whose process it is', () => {
  test('root runs it, or the user of this one, and nobody else in part', () => {
    expect(isTrustedStatus(status(0, 0, 0, 0), 1000)).toBe(true);
    expect(isTrustedStatus(status(1000, 1000, 1000, 1000), 1000)).toBe(true);
    expect(isTrustedStatus(status(1001, 1001, 1001, 1001), 1000)).toBe(false);
    // A program with the set-user-ID bit, started by the link that a user has made to it.
    expect(isTrustedStatus(status(1001, 0, 0, 0), 0)).toBe(false);
    expect(isTrustedStatus('Name:\tUid:\t0\t0\t0\t0\n', 0)).toBe(false);
    expect(isTrustedStatus('', 0)).toBe(false);
  });

  test('a name of ours that a user chose is not ours', unless(whyNotLinux ?? whyNotRoot), async () => {
    const directory = mkdtempSync(join(tmpdir(), 'owner-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const program = join(directory, PROGRAM);
    copyFileSync('/bin/sleep', program);
    const run = async (uid: number): Promise<ChildProcess> => {
      const child = spawn('/bin/sh', [
        '-c',
        `chmod 755 ${directory}; exec setpriv --reuid ${uid} ${program} 60`,
      ]);
      onTestFinished(() => void child.kill('SIGKILL'));
      await expect.poll(() => describeProcess(child.pid!)?.name).toBe(PROGRAM_COMM);
      return child;
    };
    const ours = await run(0);
    expect(describeProcess(ours.pid!)?.isOurs).toBe(true);
    const theirs = await run(65_534);
    expect(describeProcess(theirs.pid!)?.isOurs).toBe(false);
    theirs.kill('SIGKILL');
    await once(theirs, 'exit');
  });
});
