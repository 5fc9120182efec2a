import { mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AskingThread } from '../../../src/extension/osquery/asking-thread.ts';

const CORE = 700;
const SCHEDULER = '12';
const OTHER = '13';
const OURS = 4711;

let procfs: string;
let fd: number;
beforeEach(() => {
  procfs = mkdtempSync(join(tmpdir(), 'procfs-'));
  mkdirSync(join(procfs, `${CORE}/fd`), { recursive: true });
  thread('11', 'osqueryd', '202 0x55eb0df1afe0 0x189 0x0 0x0');
  thread(SCHEDULER, 'SchedulerRunner', 'running');
  thread(OTHER, 'ExtensionRunner', '7 0x7f3605feef70 0x3 0xffffffff');
  // Whatever can be opened: its other end is what a test says.
  fd = openSync(procfs, 'r');
});
afterEach(() => rmSync(procfs, { recursive: true, force: true }));

const thread = (task: string, comm: string, syscall: string): void => {
  const path = join(procfs, `${CORE}/task/${task}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'comm'), `${comm}\n`);
  writeFileSync(join(path, 'syscall'), `${syscall} 0x7ffdb4155c40 0x7f066caa3f16\n`);
};

/** The thread waits for what comes on a descriptor, which is a socket. */
const waits = (task: string, comm: string, on: number, inode: number): void => {
  thread(task, comm, `45 0x${on.toString(16)} 0x7f0000000000 0x200`);
  symlinkSync(`socket:[${inode}]`, join(procfs, `${CORE}/fd/${on}`));
};

const asking = (peer: number | undefined = OURS): AskingThread =>
  new AskingThread({ procfs, processOf: () => CORE, peerOf: async () => peer });

test('a thread that waits on the other end of the connection is another one', async () => {
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  expect(await asking().isAnother({ fd, isAlone: true })).toBe(true);
});

test('the scheduler is not, whether its descriptor is looked at or not', async () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  expect(await asking().isAnother({ fd, isAlone: true })).toBe(false);
  expect(await asking().isAnother({ fd, isAlone: false })).toBe(false);
});

test('of two that wait each is known by its own connection', async () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  waits(OTHER, 'DistributedRunn', 30, OURS + 1);
  expect(await asking(OURS).isAnother({ fd, isAlone: false })).toBe(false);
  expect(await asking(OURS + 1).isAnother({ fd, isAlone: false })).toBe(true);
});

test('one that is on its way to its wait is awaited', async () => {
  const answer = asking().isAnother({ fd, isAlone: true });
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  expect(await answer).toBe(true);
});

test('what cannot be seen is the scheduler', async () => {
  expect(await asking().isAnother({ fd, isAlone: true })).toBe(false);
  expect(await asking(undefined).isAnother({ fd, isAlone: true })).toBe(false);
  expect(await asking().isAnother({ fd: undefined, isAlone: true })).toBe(false);
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  thread(SCHEDULER, 'someone', 'running');
  expect(await asking().isAnother({ fd, isAlone: true })).toBe(false);
  rmSync(procfs, { recursive: true });
  expect(await asking().isAnother({ fd, isAlone: true })).toBe(false);
});
