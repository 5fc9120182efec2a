import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { waitForInput } from '../../src/openbsm/wait-for-input.ts';
import { makeFifo } from '../make-fifo.ts';

let directory: string;
let fd: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wait-'));
  makeFifo(join(directory, 'fifo'));
  fd = openSync(join(directory, 'fifo'), constants.O_RDWR);
});
afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

it('says at the latest after the time given that nothing came', async () => {
  expect(await waitForInput(fd, 0)).toBe(false);
  expect(await waitForInput(fd, 1)).toBe(false);
});

it('says at once that there is something to read', async () => {
  writeSync(fd, 'x');
  expect(await waitForInput(fd, 60_000)).toBe(true);
});

it('waits for it', async () => {
  const waiting = waitForInput(fd, 60_000);
  writeSync(fd, 'x');
  expect(await waiting).toBe(true);
});

it('says so of each descriptor by itself', async () => {
  const other = openSync('/dev/zero', 'r');
  try {
    expect([await waitForInput(fd, 0), await waitForInput(other, 60_000)]).toEqual([false, true]);
  } finally {
    closeSync(other);
  }
});

it('refuses a descriptor that select does not take', async () => {
  await expect(waitForInput(1024, 0)).rejects.toThrow('descriptor 1024: select takes those below 1024');
});
