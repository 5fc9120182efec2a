import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { UnauditedProcesses } from '../../src/extension/unaudited-processes.ts';
import { ProcfsReader } from '../../src/model/procfs/reader.ts';

const MINUTE = 60_000;

const setUp = (...pids: readonly number[]) => {
  const root = mkdtempSync(join(tmpdir(), 'procfs-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const start = (pid: number, ticks: number): void => {
    mkdirSync(join(root, String(pid)), { recursive: true });
    writeFileSync(join(root, String(pid), 'stat'), `${pid} (server) S${' 0'.repeat(18)} ${ticks} 0\n`);
  };
  for (const pid of pids) start(pid, 100);
  const clock = { now: 0 };
  const unaudited = (found: readonly number[]) =>
    new UnauditedProcesses(found, new ProcfsReader(root), () => clock.now);
  return {
    start,
    end: (pid: number) => rmSync(join(root, String(pid)), { recursive: true }),
    clock,
    unaudited,
  };
};

test('they become fewer as they end; a new process with the same pid is none of them', async () => {
  const { start, end, clock, unaudited } = setUp(10, 11, 12);
  const processes = unaudited([10, 11, 12, 13]);
  expect(await processes.status()).toEqual({ processes: 3, sockets: '' });
  end(10);
  end(11);
  start(11, 500);
  // What was looked at a moment ago is not looked at again.
  expect(await processes.status()).toMatchObject({ processes: 3 });
  clock.now += MINUTE;
  await processes.status();
  await expect.poll(() => processes.status()).toMatchObject({ processes: 1 });
});

test('none', async () => {
  const { unaudited } = setUp();
  expect(await unaudited([]).status()).toEqual({ processes: 0, sockets: '' });
});
