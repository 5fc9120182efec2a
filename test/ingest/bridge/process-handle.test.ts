import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  givesDescriptors,
  isAlive,
  ProcessHandle,
  type ProcessIdentity,
  processIdentity,
} from '../../../src/ingest/bridge/process-handle.ts';
import { unless, whyNotLinux } from '../../unless.ts';

const EBADF = 9;

const sleeper = (): { readonly child: ChildProcess; readonly identity: ProcessIdentity } => {
  const child = spawn('/bin/sleep', ['60'], { stdio: ['pipe', 'ignore', 'ignore'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, identity: processIdentity(child.pid!)! };
};

describe('a process', unless(whyNotLinux), () => {
  test('is known by its pid and when it started', async () => {
    const { child, identity } = sleeper();
    expect(identity.pid).toBe(child.pid);
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTicks: identity.startTicks - 1 })).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity)).toBe(false);
    expect(processIdentity(identity.pid)).toBeUndefined();
  });

  test('that has ended and waits for its parent is not alive', async () => {
    // exec keeps the child, for which the new program never asks. The shell would.
    const parent = spawn('/bin/sh', ['-c', 'exec 3<&0; /bin/cat <&3 & echo $!; exec /bin/sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => {
      parent.kill('SIGKILL');
    });
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n');
    parent.stdin.end();
    const state = (): string | undefined => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
    await expect.poll(state).toBe('Z');
    expect(processIdentity(pid)).toBeUndefined();
  });

  test(
    'gives its descriptors',
    unless(givesDescriptors() ? undefined : 'this kernel cannot pass descriptors from process to process'),
    () => {
      const { child, identity } = sleeper();
      const handle = ProcessHandle.open(identity)!;
      const fd = handle.descriptor(0);
      expect(fd).toBeGreaterThan(2);
      expect(fstatSync(fd).isSocket() || fstatSync(fd).isFIFO()).toBe(true);
      closeSync(fd);
      expect(handle.descriptor(999)).toBe(-EBADF);
      handle.close();
      expect(child.exitCode).toBeNull();
    },
  );

  test('is gone after a kill, and cannot be taken for another with its pid', async () => {
    const { child, identity } = sleeper();
    const ended = once(child, 'exit');
    const handle = ProcessHandle.open(identity)!;
    expect(handle.kill(5_000)).toBe(true);
    handle.close();
    expect((await ended)[1]).toBe('SIGKILL');
    expect(ProcessHandle.open(identity)).toBeUndefined();
    const other = sleeper().identity;
    expect(ProcessHandle.open({ ...other, startTicks: other.startTicks + 1 })).toBeUndefined();
    expect(isAlive(other)).toBe(true);
  });
});
