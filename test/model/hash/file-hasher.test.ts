import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  fchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecutedFile } from '../../../src/audit/audit-event.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { createDigester, type Digester } from '../../../src/model/hash/digester.ts';
import type { Digests } from '../../../src/model/hash/digests.ts';
import { FileHasher, type HashLimits, type HashRequest } from '../../../src/model/hash/file-hasher.ts';
import type { MountNamespaces } from '../../../src/model/hash/mount-namespaces.ts';
import { type FoundMount, Mounts } from '../../../src/model/hash/mounts.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { makeFifo } from '../../make-fifo.ts';
import { unless, whyNotRoot } from '../../unless.ts';

let directory: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hasher-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** A filesystem whose times tell. */
const EXT4: FoundMount = { device: '8:1', type: 'ext4', options: 'rw', place: '/', isOfHost: true };

/** Above the kernel's limit. */
const NOBODY = 4_194_305;
/** Long enough for file times to move on. */
const GRAIN = 30;
const grain = () => new Promise(resolve => setTimeout(resolve, GRAIN));

const sums = (path: string): Digests => {
  const of = (tool: string) =>
    execFileSync(tool, [path], { encoding: 'utf8' }).split(' ')[0]!.replace('\\', '');
  return { md5: of('md5sum'), sha256: of('sha256sum') };
};

/** The file as audit would have recorded it. */
const record = (path: string): ExecutedFile => {
  const { dev, ino } = statSync(path, { bigint: true });
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  const hex = (part: bigint) => part.toString(16).padStart(2, '0');
  return {
    name: path,
    inode: String(ino),
    dev: `${hex(major)}:${hex(minor)}`,
    mode: '0100755',
    ouid: 0,
    ogid: 0,
  };
};

const setUp = (
  options: {
    root?: string;
    digester?: Digester;
    limits?: Partial<HashLimits>;
    mount?: FoundMount | undefined;
    namespaces?: Pick<MountNamespaces, 'waysTo'>;
    deniesWrites?: boolean;
  } = {},
) => {
  const procfs = new ProcfsReader(options.root);
  let reads = 0;
  const local = options.digester ?? createDigester();
  const hasher = new FileHasher({
    procfs,
    mounts: 'mount' in options ? { of: () => options.mount } : new Mounts(procfs, systemClock),
    clock: systemClock,
    digester: job => {
      reads++;
      return local(job);
    },
    ...(options.limits && { limits: options.limits }),
    ...(options.namespaces && { namespaces: options.namespaces }),
    ...(options.deniesWrites !== undefined && { deniesWrites: options.deniesWrites }),
  });
  const found = async (what: HashRequest): Promise<Digests | undefined> =>
    (await hasher.digest(what))?.digests;
  return { hasher, found, reads: () => reads };
};

const request = (facts: Partial<HashRequest>): HashRequest => ({
  pid: NOBODY,
  path: undefined,
  files: [],
  execMs: Date.now(),
  isSame: () => true,
  ...facts,
});

/** A program that ran from `path` and has ended; its file is older than the exec. */
const ended = async (path: string): Promise<HashRequest> => {
  copyFileSync('/bin/true', path);
  await grain();
  return request({ path, files: [record(path)], execMs: Date.now() });
};

const sleeper = async (path: string, argv: readonly string[] = ['60']): Promise<number> => {
  const child = spawn(path, argv, { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return child.pid!;
};

describe('FileHasher, of a program that has ended', () => {
  it('agrees with md5sum and sha256sum', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    expect(await found(await ended(path))).toEqual(sums(path));
  });

  it('answers at once the second time, without reading', async () => {
    const { hasher, reads } = setUp();
    const what = await ended(join(directory, 'prog'));
    const first = await hasher.digest(what);
    expect(hasher.digest(what)).toEqual({ ...first, key: expect.any(String) });
    expect(reads()).toBe(1);
    expect(hasher.counters).toMatchObject({ read: 1, remembered: 1 });
  });

  it('reads a file once for all who ask at the same time', async () => {
    const { found, reads } = setUp();
    const what = await ended(join(directory, 'prog'));
    const answers = await Promise.all(Array.from({ length: 50 }, () => found(what)));
    expect(new Set(answers.map(answer => answer?.sha256)).size).toBe(1);
    expect(answers[0]).toBeDefined();
    expect(reads()).toBe(1);
  });

  it('does not open the pipe that took its place a moment after it was looked at', async () => {
    const { hasher, found } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    const [file] = what.files;
    let writer: ChildProcess | undefined;
    // Asked for the recorded files, it has seen the file, and does not hold it yet.
    const replacing = new Proxy([file!], {
      get: (files, name) => {
        if (name === 'filter' && writer === undefined) {
          rmSync(path);
          makeFifo(path);
          writer = spawn('sh', ['-c', `: > '${path}'`]);
          children.push(writer);
        }
        return Reflect.get(files, name);
      },
    });
    expect(await found({ ...what, files: replacing })).toBeUndefined();
    expect(hasher.counters).toMatchObject({ changed: 1, read: 0 });
    await new Promise(resolve => setTimeout(resolve, 200));
    // Its open waits for somebody to open the other end.
    expect(writer?.exitCode).toBe(null);
    writer?.kill();
  });

  it('never gives the hash of a file that took its place', async () => {
    const { hasher, found } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    copyFileSync('/bin/sh', join(directory, 'new'));
    renameSync(join(directory, 'new'), path);
    expect(await found(what)).toBeUndefined();
    expect(hasher.counters.notFound).toBe(1);
  });

  it('never gives the hash of what was written into it afterwards', async () => {
    const { hasher, found } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    writeFileSync(path, 'something else');
    expect(await found(what)).toBeUndefined();
    expect(hasher.counters.changed).toBe(1);
  });

  it('does not trust a file that was changed right before the exec', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/true', path);
    // Changed again within the same tick of the file clock, nobody could tell.
    const execMs = Math.floor(statSync(path).ctimeMs) + 10;
    expect(await found(request({ path, files: [record(path)], execMs }))).toBeUndefined();
  });

  it('gives the new hash to those who ran the new file', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    const old = await found(await ended(path));
    writeFileSync(path, 'a new version');
    await grain();
    const now = await found(request({ path, files: [record(path)] }));
    expect(now).toEqual(sums(path));
    expect(now).not.toEqual(old);
  });

  it('takes any of the recorded files that the path leads to: a script has its interpreter recorded', async () => {
    const { found } = setUp();
    const script = join(directory, 'script');
    writeFileSync(script, '#!/bin/sh\n');
    const path = '/bin/sh';
    expect(await found(request({ path, files: [record(script), record(path)] }))).toEqual(sums(path));
    expect(await found(request({ path, files: [record(script)] }))).toBeUndefined();
  });

  it('finds the file of a process in a container through its parent', async () => {
    const what = await ended(join(directory, 'prog'));
    const root = join(directory, 'proc');
    mkdirSync(join(root, '50'), { recursive: true });
    mkdirSync(join(root, 'self'));
    writeFileSync(join(root, 'self/mountinfo'), '1 1 0:1 / / rw - ext4 /dev/root rw\n');
    mkdirSync(join(directory, 'merged/usr'), { recursive: true });
    symlinkSync(join(directory, 'merged'), join(root, '50/root'));
    renameSync(join(directory, 'prog'), join(directory, 'merged/usr/prog'));
    await grain();
    const { found } = setUp({ root, mount: EXT4 });
    const inside = { ...what, path: '/usr/prog', execMs: Date.now() };
    expect(await found(inside)).toBeUndefined();
    expect(await found({ ...inside, neighbour: 50 })).toEqual(sums(join(directory, 'merged/usr/prog')));
  });

  it('finds the file of a process in a container whose parent has ended by whoever lives there, and is told no other', async () => {
    const what = await ended(join(directory, 'prog'));
    const other = await ended(join(directory, 'other'));
    const ways = [join(directory, 'missing'), join(directory, 'other'), join(directory, 'prog')];
    const { found } = setUp({
      mount: EXT4,
      namespaces: { waysTo: () => ways.map(path => ({ path, namespace: 'self' as const })) },
    });
    const inside = { ...what, path: '/usr/prog', execMs: Date.now() };
    expect(await found(inside)).toEqual(sums(join(directory, 'prog')));
    const files = [{ ...other.files[0]!, inode: '1' }];
    expect(await found({ ...inside, files })).toBeUndefined();
  });

  it('asks for no path that is relative, deleted or not known', async () => {
    const { found } = setUp();
    for (const path of [undefined, '', 'prog', '/bin/true (deleted)']) {
      expect(await found(request({ path, files: [record('/bin/true')] }))).toBeUndefined();
    }
    expect(await found(request({ path: '/bin/true', files: [] }))).toBeUndefined();
  });

  it('opens nothing but regular files', async () => {
    const { found, reads } = setUp();
    makeFifo(join(directory, 'pipe'));
    for (const path of ['/dev/zero', directory, join(directory, 'pipe')]) {
      expect(await found(request({ path, files: [record(path)] }))).toBeUndefined();
    }
    expect(reads()).toBe(0);
  });

  it('reads no file larger than its limit', async () => {
    const { hasher, found } = setUp({ limits: { maxFileBytes: 10 } });
    expect(await found(await ended(join(directory, 'prog')))).toBeUndefined();
    expect(hasher.counters.tooLarge).toBe(1);
  });

  it('drops a digest if the file changed while it was read, and does not keep it', async () => {
    const path = join(directory, 'prog');
    const digest = createDigester();
    let meddle = true;
    const { hasher, found } = setUp({
      digester: async job => {
        const digests = await digest(job);
        if (meddle) appendFileSync(path, 'x');
        return digests;
      },
    });
    expect(await found(await ended(path))).toBeUndefined();
    expect(hasher.counters.changed).toBe(1);
    meddle = false;
    await grain();
    expect(await found(request({ path, files: [record(path)] }))).toEqual(sums(path));
  });

  it('forgets the digest that was not asked for the longest', async () => {
    const { found, reads } = setUp({ limits: { maxRemembered: 2 } });
    const asks = [];
    for (const name of ['a', 'b', 'c']) {
      const path = join(directory, name);
      writeFileSync(path, name);
      await grain();
      asks.push(request({ path, files: [record(path)] }));
    }
    for (const i of [0, 1, 0, 2, 0, 1]) await found(asks[i]!);
    // b had to go for c, and was read again.
    expect(reads()).toBe(4);
  });
});

describe('FileHasher, of a program that is running', () => {
  it('hashes what runs, though its file was just made', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const execMs = Date.now();
    const pid = await sleeper(path);
    expect(await found(request({ pid, path, files: [record(path)], execMs }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes a file that has been deleted', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const pid = await sleeper(path);
    rmSync(path);
    expect(await found(request({ pid, path, files }))).toEqual(sums('/bin/sleep'));
  });

  describe('of memory that never had a name', () => {
    const create = koffi.load(null).func('int memfd_create(const char *name, uint flags)');
    const running = async (uid?: number) => {
      const fd: number = create('prog', 0);
      writeSync(fd, readFileSync('/bin/sleep'));
      if (uid !== undefined) fchownSync(fd, uid, uid);
      const execMs = Date.now();
      const pid = await sleeper(`/proc/${process.pid}/fd/${fd}`);
      const files = [record(`/proc/${process.pid}/fd/${fd}`)];
      return { fd, what: request({ pid, path: '/memfd:prog (deleted)', files, execMs }) };
    };

    it('hashes it while it runs if root made it', unless(whyNotRoot), async () => {
      const { found } = setUp();
      const { what } = await running();
      expect(await found(what)).toEqual(sums('/bin/sleep'));
      expect(await found({ ...what, ended: true })).toBeUndefined();
    });

    it("gives no hash of a user's, who may write to it without a trace", unless(whyNotRoot), async () => {
      const { hasher, found } = setUp();
      const { what } = await running(1000);
      expect(await found(what)).toBeUndefined();
      expect(hasher.counters.unproven).toBe(1);
    });

    it('gives no hash of what was written to by its descriptor since', unless(whyNotRoot), async () => {
      const { hasher, found } = setUp();
      const { fd, what } = await running();
      await grain();
      writeSync(fd, Buffer.of(0), 0, 1, statSync('/bin/sleep').size);
      expect(await found(what)).toBeUndefined();
      expect(hasher.counters.changed).toBe(1);
    });

    it('gives none that another file with such a name has', async () => {
      const { found } = setUp();
      const { what } = await running();
      const other = await running();
      expect(await found({ ...what, files: other.what.files })).toBeUndefined();
    });
  });

  it('hashes the old file when another has taken its place', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const pid = await sleeper(path);
    copyFileSync('/bin/sh', join(directory, 'new'));
    renameSync(join(directory, 'new'), path);
    expect(await found(request({ pid, path, files }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes the interpreter of a script', async () => {
    const { found } = setUp();
    const script = join(directory, 'script');
    writeFileSync(script, '#!/bin/sleep 60\n', { mode: 0o755 });
    const pid = await sleeper('/bin/sleep');
    const path = new ProcfsReader().link(pid, 'exe')!;
    expect(await found(request({ pid, path, files: [record(script)] }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes what a process runs that was there before anyone looked', async () => {
    const { found } = setUp();
    const pid = await sleeper('/bin/sleep');
    const path = new ProcfsReader().link(pid, 'exe')!;
    const asked = request({ pid, path, execMs: undefined });
    expect(await found(asked)).toEqual(sums('/bin/sleep'));
    expect(await found({ ...asked, isSame: () => false })).toBeUndefined();
    expect(await found({ ...asked, path: '/bin/other' })).toBeUndefined();
    expect(await found({ ...asked, ended: true })).toBeUndefined();
  });

  it('is not misled by a later exec of the same process', async () => {
    const { found } = setUp();
    const pid = await sleeper('/bin/sleep');
    // What ran before was a shell that is still where it was.
    const path = '/bin/sh';
    expect(await found(request({ pid, path, files: [record(path)] }))).toEqual(sums(path));
    // And one that is gone.
    const gone = { ...record(path), inode: '1' };
    expect(await found(request({ pid, path, files: [gone] }))).toBeUndefined();
  });

  it('gives no hash of a file that was written to since, though the process runs it again', async () => {
    const { hasher, found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    await grain();
    const execMs = Date.now();
    await grain();
    // The same inode with another content, and executed again under the same pid as it were.
    appendFileSync(path, 'more');
    const pid = await sleeper(path);
    expect(record(path).inode).toBe(files[0]!.inode);
    expect(await found(request({ pid, path, files, execMs }))).toBeUndefined();
    rmSync(path);
    expect(await found(request({ pid, path, files, execMs }))).toBeUndefined();
    expect(hasher.counters.changed).toBe(2);
  });

  it('hashes a file that was deleted some time after the exec', async () => {
    const { found } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const execMs = Date.now();
    const pid = await sleeper(path);
    await grain();
    rmSync(path);
    expect(await found(request({ pid, path, files, execMs }))).toEqual(sums('/bin/sleep'));
  });

  it('gives no hash if the process ended while its new file was read', async () => {
    const path = join(directory, 'prog');
    const digest = createDigester();
    let pid = 0;
    const { hasher, found } = setUp({
      digester: async job => {
        const child = children.at(-1)!;
        child.kill('SIGKILL');
        await once(child, 'exit');
        return digest(job);
      },
    });
    copyFileSync('/bin/sleep', path);
    const execMs = Date.now();
    pid = await sleeper(path);
    expect(await found(request({ pid, path, files: [record(path)], execMs }))).toBeUndefined();
    expect(hasher.counters.changed).toBe(1);
  });
});

/** Mounting takes privileges. */
const mounted = (...args: string[]): boolean => {
  try {
    execFileSync('mount', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('FileHasher, on overlay over two filesystems', () => {
  it('knows a file by the device number of the overlay, which stat does not give', async context => {
    const [lower, merged] = [join(directory, 'lower'), join(directory, 'merged')];
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(directory, name));
    if (!mounted('-t', 'tmpfs', 'tmpfs', lower)) return context.skip('no tmpfs can be mounted');
    const layers = `lowerdir=${lower},upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`;
    const isOverlay = mounted('-t', 'overlay', '-o', `${layers},xino=off`, 'overlay', merged);
    try {
      if (!isOverlay) return context.skip('no overlay can be mounted');
      copyFileSync('/bin/true', join(lower, 'prog'));
      await grain();
      const path = join(merged, 'prog');
      const device = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .find(line => line.includes(` ${merged} `))!
        .split(' ')[2]!;
      const recorded = device
        .split(':')
        .map(part => Number(part).toString(16).padStart(2, '0'))
        .join(':');
      // The case this is about: stat gives the number of no filesystem.
      expect(record(path).dev).not.toBe(recorded);
      const files = [{ ...record(path), dev: recorded }];
      const { found } = setUp();
      expect(await found(request({ path, files }))).toEqual(sums('/bin/true'));
      const elsewhere = [{ ...record(path), dev: 'fe:99' }];
      expect(await found(request({ path, files: elsewhere }))).toBeUndefined();
    } finally {
      if (isOverlay) execFileSync('umount', [merged]);
      execFileSync('umount', [lower]);
    }
  });
});

describe('FileHasher, where times do not tell what is in a file', () => {
  const mount = (facts: Partial<FoundMount>): FoundMount => ({
    ...EXT4,
    type: 'tmpfs',
    device: '0:99',
    ...facts,
  });
  const OTHERS = 0o777;

  /** Of a user's, or one that others may write to. */
  const open = async (path: string): Promise<HashRequest> => {
    const what = await ended(path);
    chmodSync(path, OTHERS);
    await grain();
    return { ...what, execMs: Date.now() };
  };

  it('hashes what runs, each time anew, and what ran not at all', async () => {
    const { hasher, found, reads } = setUp({ mount: mount({}) });
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    chmodSync(path, OTHERS);
    await grain();
    const what = request({ path, files: [record(path)], execMs: Date.now() });
    expect(await found(what)).toBeUndefined();
    expect(hasher.counters.unproven).toBe(1);
    const pid = await sleeper(path);
    for (let i = 0; i < 2; i++) {
      expect(await hasher.digest({ ...what, pid })).toEqual({
        digests: sums(path),
        key: undefined,
        whileRunning: true,
      });
    }
    expect(reads()).toBe(2);
  });

  it('hashes nothing where the kernel lets a file be written to that runs', async () => {
    const { found } = setUp({ mount: mount({}), deniesWrites: false });
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    chmodSync(path, OTHERS);
    await grain();
    const execMs = Date.now();
    const pid = await sleeper(path);
    expect(await found(request({ pid, path, files: [record(path)], execMs }))).toBeUndefined();
  });

  it('trusts what nobody but root can write to', async () => {
    const { found, reads } = setUp({ mount: mount({}) });
    const what = await ended(join(directory, 'prog'));
    if (process.getuid?.() !== 0) return;
    expect(await found(what)).toEqual(sums('/bin/true'));
    expect(await found(what)).toEqual(sums('/bin/true'));
    expect(reads()).toBe(1);
  });

  it.each([
    ['FUSE', { type: 'fuse.sshfs' }],
    ['an overlay of a user namespace', { type: 'overlay', options: 'rw', isOfHost: false }],
    ['an overlay over memory', { type: 'overlay', options: 'rw,lowerdir=/x,upperdir=/dev/shm' }],
    [
      'an overlay whose layers are not to be found',
      { type: 'overlay', options: 'rw,upperdir=/nonexistent/x' },
    ],
    ['what is mounted nowhere', undefined],
  ])('hashes nothing of a user on %s', async (_name, facts) => {
    const { hasher, found } = setUp({ mount: facts && mount(facts) });
    expect(await found(await open(join(directory, 'prog')))).toBeUndefined();
    expect(hasher.counters.unproven).toBe(1);
  });

  it('hashes what is on an overlay over a disk once its pages have been written back', async () => {
    const { found } = setUp({ mount: mount({ type: 'overlay', options: `rw,upperdir=${directory}` }) });
    const path = join(directory, 'prog');
    // Its times are of a moment ago: a mapping may still be writable without another change of them.
    expect(await found(await open(path))).toBeUndefined();
    const later = { ...systemClock, wallMs: () => Date.now() + 180_000 };
    const procfs = new ProcfsReader();
    const hasher = new FileHasher({
      procfs,
      mounts: { of: () => mount({ type: 'overlay', options: `rw,upperdir=${directory}` }) },
      clock: later,
      digester: createDigester(),
    });
    const what = request({ path, files: [record(path)], execMs: Date.now() + 180_000 });
    expect((await hasher.digest(what))?.digests).toEqual(sums(path));
  });
});

describe('FileHasher, of a file on tmpfs that is written to through a mapping', () => {
  it('never tells the hash of the content before', async context => {
    if (statfsSync('/dev/shm').type !== TMPFS) return context.skip('there is no tmpfs at /dev/shm');
    const directory = mkdtempSync('/dev/shm/hasher-');
    try {
      const path = join(directory, 'prog');
      copyFileSync('/bin/sleep', path);
      chmodSync(path, OTHERS_WRITE);
      const good = sums(path);
      const { found } = setUp();
      await grain();
      const run = async (): Promise<Digests | undefined> => {
        const execMs = Date.now();
        await grain();
        const pid = await sleeper(path);
        const answer = await found(request({ pid, path, files: [record(path)], execMs }));
        const child = children.pop()!;
        child.kill('SIGKILL');
        await once(child, 'exit');
        return answer;
      };
      expect(await run()).toEqual(good);
      const before = statSync(path, { bigint: true });
      overwriteMapped(path);
      const after = statSync(path, { bigint: true });
      // What this is about: the content is another, and nothing tells.
      expect(after.ctimeNs).toBe(before.ctimeNs);
      expect(sums(path)).not.toEqual(good);
      expect([undefined, sums(path).sha256]).toContain((await run())?.sha256);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

const TMPFS = 0x01021994;
const OTHERS_WRITE = 0o777;

/** Changes the last byte of a file through a shared mapping whose page has been read before. */
const overwriteMapped = (path: string): void => {
  const libc = koffi.load(null);
  const mmap = libc.func(
    'void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)',
  );
  const munmap = libc.func('int munmap(void *at, size_t length)');
  const { size } = statSync(path);
  const fd = openSync(path, 'r+');
  const at = mmap(null, size, 3 /* PROT_READ | PROT_WRITE */, 1 /* MAP_SHARED */, fd, 0);
  closeSync(fd);
  const bytes = new Uint8Array(koffi.view(at, size));
  const last = bytes[size - 1]!;
  bytes[size - 1] = last ^ 0xff;
  munmap(at, size);
};
