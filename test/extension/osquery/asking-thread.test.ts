import { mkdirSync, mkdtempSync, openSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
afterEach(() => {
  rmSync(procfs, { recursive: true, force: true });
});

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

const asking = (peer: number | null = OURS, marks = true): AskingThread =>
  new AskingThread({ procfs, processOf: () => CORE, peerOf: () => peer ?? undefined, marks });

/** Reads and writes of the scheduler. */
const counts = (reads: number): void =>
  writeFileSync(join(procfs, `${CORE}/task/${SCHEDULER}/io`), `rchar: ${reads}\nwchar: 0\n`);

const other = { kind: 'other' } as const;
const unknown = { kind: 'unknown' } as const;

test('a thread that waits on the other end of the connection is another one', async () => {
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  const threads = asking();
  expect(threads.identify({ fd })).toEqual(other);
  expect(threads.identify({ fd })).toEqual(other);
});

test('one that comes after another one, too', () => {
  const threads = asking();
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  expect(threads.identify({ fd })).toEqual(other);
  thread(OTHER, 'ExtensionRunner', 'running');
  waits('14', 'DistributedRunn', 31, OURS);
  expect(threads.identify({ fd })).toEqual(other);
});

test('the scheduler is seen, and whether it has used a file', () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  counts(1);
  const threads = asking();
  const first = threads.identify({ fd });
  expect(first).toMatchObject({ kind: 'scheduler', mark: expect.stringContaining('rchar: 1') });
  expect(threads.identify({ fd })).toEqual(first);
  counts(2);
  expect(threads.identify({ fd })).toMatchObject({ kind: 'scheduler' });
  expect(threads.identify({ fd })).not.toEqual(first);
});

test('where files are not counted, or not used, the scheduler has no mark', () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  expect(asking().identify({ fd })).toEqual({ kind: 'scheduler', mark: undefined });
  counts(1);
  expect(asking(OURS, false).identify({ fd })).toEqual({ kind: 'scheduler', mark: undefined });
});

test('of two that wait each is known by its own connection', () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  waits(OTHER, 'DistributedRunn', 30, OURS + 1);
  expect(asking(OURS).identify({ fd })).toMatchObject({ kind: 'scheduler' });
  expect(asking(OURS + 1).identify({ fd })).toEqual(other);
});

test('a scheduler that waits for another extension has not asked', async () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS + 1);
  expect(await asking(OURS).identify({ fd })).toEqual(unknown);
});

test('one that is on its way to its wait is awaited', async () => {
  const answer = asking().identify({ fd });
  expect(answer).toBeInstanceOf(Promise);
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  expect(await answer).toEqual(other);
});

test('one that comes to its wait within some looks is not awaited', () => {
  let looks = 0;
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS + 1);
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  const threads = new AskingThread({
    procfs,
    processOf: () => CORE,
    peerOf: () => OURS,
    marks: true,
    // It comes while the scheduler's descriptor is looked at for the third time.
    readLink: path => {
      if (path.endsWith('/31') && ++looks === 3) thread(OTHER, 'ExtensionRunner', '45 0x1e 0x7f0000000000');
      return readlinkSync(path);
    },
  });
  expect(threads.identify({ fd })).toEqual(other);
  looks = 0;
  thread(OTHER, 'ExtensionRunner', 'running');
  expect(threads.identify({ fd })).toEqual(other);
  expect(looks).toBe(3);
});

test('a scheduler that comes to its wait while threads are looked at is no other thread', () => {
  waits(SCHEDULER, 'SchedulerRunner', 31, OURS);
  // The first look at its descriptor comes too early.
  let looks = 0;
  const threads = new AskingThread({
    procfs,
    processOf: () => CORE,
    peerOf: () => OURS,
    marks: true,
    readLink: () => (looks++ === 0 ? 'socket:[1]' : `socket:[${OURS}]`),
  });
  expect(threads.identify({ fd })).toMatchObject({ kind: 'scheduler' });
  expect(looks).toBe(2);
});

test('what cannot be seen is not known', async () => {
  expect(await asking().identify({ fd })).toEqual(unknown);
  expect(asking(null).identify({ fd })).toEqual(unknown);
  expect(asking().identify({ fd: undefined })).toEqual(unknown);
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  thread(SCHEDULER, 'someone', 'running');
  expect(asking().identify({ fd })).toEqual(unknown);
  rmSync(procfs, { recursive: true });
  expect(asking().identify({ fd })).toEqual(unknown);
});

test('a core whose scheduler starts later is looked at again', () => {
  waits(OTHER, 'ExtensionRunner', 30, OURS);
  thread(SCHEDULER, 'someone', 'running');
  let now = 0;
  const threads = new AskingThread({
    procfs,
    processOf: () => CORE,
    peerOf: () => OURS,
    marks: true,
    now: () => now,
  });
  expect(threads.identify({ fd })).toEqual(unknown);
  thread(SCHEDULER, 'SchedulerRunner', 'running');
  expect(threads.identify({ fd })).toEqual(unknown);
  now = 1_000;
  expect(threads.identify({ fd })).toEqual(other);
});
