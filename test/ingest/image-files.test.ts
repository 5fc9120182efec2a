import {
  appendFileSync,
  type BigIntStats,
  chmodSync,
  mkdtempSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutedFile, ProcessEvent } from '../../src/audit/audit-event.ts';
import { ImageFiles } from '../../src/ingest/image-files.ts';
import { statDevice } from '../../src/model/hash/device.ts';
import { fileVersion } from '../../src/model/hash/file-version.ts';
import { exec, fork } from '../model/process-events.ts';

/** Nobody has it: it is above the largest pid_max. */
const NO_PID = 2 ** 22 + 1;

let directory: string;
let path: string;
let stats: BigIntStats;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-'));
  path = join(directory, 'program');
  writeFileSync(path, '', { mode: 0o750 });
  stats = statSync(path, { bigint: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

const recorded = (facts: Partial<ExecutedFile> = {}): ExecutedFile => ({
  mode: undefined,
  ouid: undefined,
  ogid: undefined,
  inode: String(stats.ino),
  dev: statDevice(stats.dev)
    .split(':')
    .map(part => Number(part).toString(16).padStart(2, '0'))
    .join(':'),
  name: path,
  ...facts,
});
const times = () => ({
  atime: Number(stats.atimeMs / 1000n),
  mtime: Number(stats.mtimeMs / 1000n),
  ctime: Number(stats.ctimeMs / 1000n),
  mode: 0o100750,
});

const imageTimes = (event: ProcessEvent) => new ImageFiles().times(event);

describe('ImageFiles.times', () => {
  it('are those of the file that was recorded', () => {
    expect(imageTimes(exec({ pid: NO_PID, path, files: [recorded()] }))).toEqual(times());
  });

  it('are not those of another file under its path', () => {
    const other = recorded({ inode: String(stats.ino + 1n) });
    expect(imageTimes(exec({ pid: NO_PID, path, files: [other] }))).toBeUndefined();
    // A device number with major 0 may be one that stat made up: there the inode has to do.
    const elsewhere = statDevice(stats.dev).startsWith('0:') ? times() : undefined;
    expect(imageTimes(exec({ pid: NO_PID, path, files: [recorded({ dev: 'fffe:01' })] }))).toEqual(elsewhere);
  });

  it('are those of whatever is there where nothing was recorded', () => {
    expect(imageTimes({ ...fork(NO_PID, NO_PID), path })).toEqual(times());
  });

  it('are none where there is no file', () => {
    expect(imageTimes(exec({ pid: NO_PID, path: undefined }))).toBeUndefined();
    expect(imageTimes(exec({ pid: NO_PID, path: join(directory, 'gone') }))).toBeUndefined();
    expect(imageTimes(exec({ pid: NO_PID, path: directory }))).toBeUndefined();
  });
});

describe('ImageFiles', () => {
  it('looks once at a file for all events of a batch, and again for the next', () => {
    const images = new ImageFiles();
    const busy = join(directory, 'busy');
    writeFileSync(busy, '');
    const looked = statSync(busy, { bigint: true });
    const event = () =>
      exec({ pid: NO_PID, path: busy, files: [recorded({ inode: String(looked.ino), name: busy })] });
    const first = event();
    images.times(first);
    expect(images.versionOf(first)).toMatchObject({ size: 0 });
    appendFileSync(busy, 'more');
    const second = event();
    images.times(second);
    expect(images.versionOf(second)).toMatchObject({ size: 0 });
    images.forget();
    const third = event();
    images.times(third);
    expect(images.versionOf(third)).toMatchObject({ size: 4 });
  });

  it('keeps what it made of a file as long as the file is the same', () => {
    const images = new ImageFiles();
    const same = join(directory, 'same');
    writeFileSync(same, '', { mode: 0o750 });
    const looked = statSync(same, { bigint: true });
    const event = exec({ pid: NO_PID, path: same, files: [recorded({ inode: String(looked.ino) })] });
    const look = () => {
      images.forget();
      return { times: images.times(event), version: images.versionOf(event) };
    };
    const first = look();
    expect(look().version).toBe(first.version);
    chmodSync(same, 0o700);
    expect(look().times).toMatchObject({ mode: 0o100700 });
    utimesSync(same, 1, 2);
    expect(look().times).toMatchObject({ atime: 1, mtime: 2 });
    expect(look().version).toMatchObject({ mtimeMs: 2000 });
  });

  it('tells the version of the file that the event recorded, of no other event and no other file', () => {
    const images = new ImageFiles();
    const event = exec({ pid: NO_PID, path, files: [recorded()] });
    expect(images.versionOf(event)).toBeUndefined();
    images.times(event);
    expect(images.versionOf(event)).toMatchObject(fileVersion(stats)!);
    expect(images.versionOf({ ...event })).toBeUndefined();
    for (const files of [[], [recorded({ inode: String(stats.ino + 1n) })], [recorded({ dev: 'fffe:01' })]]) {
      const other = exec({ pid: NO_PID, path, files });
      images.times(other);
      expect(images.versionOf(other)).toBeUndefined();
    }
    images.times(event);
    images.forget();
    expect(images.versionOf(event)).toBeUndefined();
  });
});
