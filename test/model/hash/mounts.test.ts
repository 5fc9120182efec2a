import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Mounts } from '../../../src/model/hash/mounts.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { FakeClock } from '../fake-clock.ts';

let root: string;
let fd: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mounts-'));
  fd = openSync(root, 'r');
});
afterEach(() => {
  closeSync(fd);
  rmSync(root, { recursive: true });
});

/** Makes up what procfs has of a process. */
const make = (name: string, userNamespace: number, mountinfo: string): void => {
  mkdirSync(join(root, name, 'ns'), { recursive: true });
  mkdirSync(join(root, name, 'fdinfo'), { recursive: true });
  symlinkSync(`user:[${userNamespace}]`, join(root, name, 'ns/user'));
  writeFileSync(join(root, name, 'mountinfo'), mountinfo);
};
const reach = (mountId: number): void => {
  writeFileSync(join(root, 'self/fdinfo', String(fd)), `pos:\t0\nflags:\t0\nmnt_id:\t${mountId}\n`);
};

const HOST = `21 1 254:0 / / rw - ext4 /dev/root rw
30 21 0:40 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw,upperdir=ab/diff
`;

describe('Mounts', () => {
  it('tells what a file is on, and whether root of the host has mounted it', () => {
    make('self', 1, HOST);
    // A container in a user namespace, whose root is mounted outside as well; and what its user has mounted himself.
    make('50', 2, '90 1 0:40 / / rw - overlay overlay rw\n91 90 0:77 / /x rw - overlay overlay rw\n');
    make('60', 1, '95 1 0:78 / / rw - overlay overlay rw\n');
    const mounts = new Mounts(new ProcfsReader(root), new FakeClock());
    reach(21);
    expect(mounts.of(fd, 'self')).toMatchObject({
      device: '254:0',
      type: 'ext4',
      place: '/',
      isOfHost: true,
    });
    reach(90);
    expect(mounts.of(fd, 50)).toMatchObject({
      device: '0:40',
      place: '/var/lib/docker/overlay2/ab/merged',
      isOfHost: true,
    });
    reach(91);
    expect(mounts.of(fd, 50)).toMatchObject({ device: '0:77', place: undefined, isOfHost: false });
    reach(95);
    expect(mounts.of(fd, 60)).toMatchObject({ isOfHost: true });
    reach(1234);
    expect(mounts.of(fd, 60)).toBeUndefined();
  });

  it('reads again what a number stands for, as it may be given out again', async () => {
    make('self', 1, HOST);
    const clock = new FakeClock();
    const mounts = new Mounts(new ProcfsReader(root), clock);
    reach(30);
    expect(mounts.of(fd, 'self')).toMatchObject({ type: 'overlay' });
    writeFileSync(join(root, 'self/mountinfo'), '30 21 0:41 / /mnt rw - fuse.x x rw\n');
    expect(mounts.of(fd, 'self')).toMatchObject({ type: 'overlay' });
    await clock.advance(1_000);
    expect(mounts.of(fd, 'self')).toMatchObject({ type: 'fuse.x', device: '0:41' });
  });
});
