import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
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
import { createLocalDigester, type Digester } from '../../../src/model/hash/digester.ts';
import type { Digests } from '../../../src/model/hash/digests.ts';
import { FileHasher, type HashLimits, type HashRequest } from '../../../src/model/hash/file-hasher.ts';
import { fileVersion } from '../../../src/model/hash/file-version.ts';
import { Mounts } from '../../../src/model/hash/mounts.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { makeFifo } from '../../make-fifo.ts';

let directory: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hasher-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

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

const setUp = (options: { root?: string; digester?: Digester; limits?: Partial<HashLimits> } = {}) => {
  const procfs = new ProcfsReader(options.root);
  let reads = 0;
  const local = options.digester ?? createLocalDigester();
  const hasher = new FileHasher({
    procfs,
    mounts: new Mounts(procfs, systemClock),
    clock: systemClock,
    digester: (fd, size) => {
      reads++;
      return local(fd, size);
    },
    ...(options.limits && { limits: options.limits }),
  });
  return { hasher, reads: () => reads };
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
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    expect(await hasher.digest(await ended(path))).toEqual(sums(path));
  });

  it('answers at once the second time, without reading', async () => {
    const { hasher, reads } = setUp();
    const what = await ended(join(directory, 'prog'));
    const first = await hasher.digest(what);
    expect(hasher.digest(what)).toEqual(first);
    expect(reads()).toBe(1);
    expect(hasher.counters).toMatchObject({ read: 1, remembered: 1 });
  });

  it('looks at no file that was looked at after the exec and has not changed since before it', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    const found = fileVersion(statSync(path, { bigint: true }))!;
    const execMs = what.execMs!;
    expect(hasher.recall(found, execMs)).toBeUndefined();
    const digests = await hasher.digest(what);
    expect(digests).toEqual(sums(path));
    rmSync(path);
    expect(hasher.recall(found, execMs)).toEqual(digests);
    expect(hasher.counters).toMatchObject({ read: 1, remembered: 1 });
    // As old as the exec: it may have been changed between the two.
    expect(hasher.recall(found, found.ctimeMs + 10)).toBeUndefined();
    expect(hasher.recall({ ...found, key: 'another' }, execMs)).toBeUndefined();
  });

  it('reads a file once for all who ask at the same time', async () => {
    const { hasher, reads } = setUp();
    const what = await ended(join(directory, 'prog'));
    const answers = await Promise.all(Array.from({ length: 50 }, () => hasher.digest(what)));
    expect(new Set(answers.map(answer => answer?.sha256)).size).toBe(1);
    expect(answers[0]).toBeDefined();
    expect(reads()).toBe(1);
  });

  it('does not open the pipe that took its place a moment after it was looked at', async () => {
    const { hasher } = setUp();
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
    expect(await hasher.digest({ ...what, files: replacing })).toBeUndefined();
    expect(hasher.counters).toMatchObject({ changed: 1, read: 0 });
    await new Promise(resolve => setTimeout(resolve, 200));
    // Its open waits for somebody to open the other end.
    expect(writer?.exitCode).toBe(null);
    writer?.kill();
  });

  it('never gives the hash of a file that took its place', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    copyFileSync('/bin/sh', join(directory, 'new'));
    renameSync(join(directory, 'new'), path);
    expect(hasher.digest(what)).toBeUndefined();
    expect(hasher.counters.notFound).toBe(1);
  });

  it('never gives the hash of what was written into it afterwards', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    const what = await ended(path);
    writeFileSync(path, 'something else');
    expect(await hasher.digest(what)).toBeUndefined();
    expect(hasher.counters.changed).toBe(1);
  });

  it('does not trust a file that was changed right before the exec', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/true', path);
    // Changed again within the same tick of the file clock, nobody could tell.
    const execMs = Math.floor(statSync(path).ctimeMs) + 10;
    expect(await hasher.digest(request({ path, files: [record(path)], execMs }))).toBeUndefined();
  });

  it('gives the new hash to those who ran the new file', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    const old = await hasher.digest(await ended(path));
    writeFileSync(path, 'a new version');
    await grain();
    const now = await hasher.digest(request({ path, files: [record(path)] }));
    expect(now).toEqual(sums(path));
    expect(now).not.toEqual(old);
  });

  it('takes any of the recorded files that the path leads to: a script has its interpreter recorded', async () => {
    const { hasher } = setUp();
    const script = join(directory, 'script');
    writeFileSync(script, '#!/bin/sh\n');
    const path = '/bin/sh';
    expect(await hasher.digest(request({ path, files: [record(script), record(path)] }))).toEqual(sums(path));
    expect(hasher.digest(request({ path, files: [record(script)] }))).toBeUndefined();
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
    const { hasher } = setUp({ root });
    const inside = { ...what, path: '/usr/prog', execMs: Date.now() };
    expect(hasher.digest(inside)).toBeUndefined();
    expect(await hasher.digest({ ...inside, neighbour: 50 })).toEqual(
      sums(join(directory, 'merged/usr/prog')),
    );
  });

  it('asks for no path that is relative, deleted or not known', () => {
    const { hasher } = setUp();
    for (const path of [undefined, '', 'prog', '/bin/true (deleted)']) {
      expect(hasher.digest(request({ path, files: [record('/bin/true')] }))).toBeUndefined();
    }
    expect(hasher.digest(request({ path: '/bin/true', files: [] }))).toBeUndefined();
  });

  it('opens nothing but regular files', () => {
    const { hasher, reads } = setUp();
    makeFifo(join(directory, 'pipe'));
    for (const path of ['/dev/zero', directory, join(directory, 'pipe')]) {
      expect(hasher.digest(request({ path, files: [record(path)] }))).toBeUndefined();
    }
    expect(reads()).toBe(0);
  });

  it('reads no file larger than its limit', async () => {
    const { hasher } = setUp({ limits: { maxFileBytes: 10 } });
    expect(await hasher.digest(await ended(join(directory, 'prog')))).toBeUndefined();
    expect(hasher.counters.tooLarge).toBe(1);
  });

  it('drops a digest if the file changed while it was read, and does not keep it', async () => {
    const path = join(directory, 'prog');
    const digest = createLocalDigester();
    let meddle = true;
    const { hasher } = setUp({
      digester: async (fd, size) => {
        const digests = await digest(fd, size);
        if (meddle) appendFileSync(path, 'x');
        return digests;
      },
    });
    expect(await hasher.digest(await ended(path))).toBeUndefined();
    expect(hasher.counters.changed).toBe(1);
    meddle = false;
    await grain();
    expect(await hasher.digest(request({ path, files: [record(path)] }))).toEqual(sums(path));
  });

  it('reads a few files at a time, and refuses to pile them up', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { hasher, reads } = setUp({
      limits: { maxReading: 2, maxWaiting: 3 },
      digester: async fd => {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
        return { md5: undefined, sha256: createHash('sha256').update(readFileSync(fd)).digest('hex') };
      },
    });
    const paths = Array.from({ length: 6 }, (_, i) => join(directory, `prog${i}`));
    for (const [i, path] of paths.entries()) writeFileSync(path, `program ${i}`);
    await grain();
    const answers = paths.map(path => hasher.digest(request({ path, files: [record(path)] })));
    expect(answers[5]).toBeUndefined();
    expect(hasher.counters.refused).toBe(1);
    for (let i = 0; i < 5; i++) {
      while (gates.length <= i) await new Promise(resolve => setImmediate(resolve));
      expect(reads()).toBeLessThanOrEqual(i + 2);
      gates[i]!.resolve();
    }
    const digests = await Promise.all(answers.slice(0, 5));
    expect(digests.map(answer => answer?.sha256)).toEqual(paths.slice(0, 5).map(path => sums(path).sha256));
  });

  it('forgets the digest that was not asked for the longest', async () => {
    const { hasher, reads } = setUp({ limits: { maxRemembered: 2 } });
    const asks = [];
    for (const name of ['a', 'b', 'c']) {
      const path = join(directory, name);
      writeFileSync(path, name);
      await grain();
      asks.push(request({ path, files: [record(path)] }));
    }
    for (const i of [0, 1, 0, 2, 0, 1]) await hasher.digest(asks[i]!);
    // b had to go for c, and was read again.
    expect(reads()).toBe(4);
  });

  it('waits for no filesystem that may hang: looking itself is put off', async () => {
    const root = join(directory, 'proc');
    mkdirSync(join(root, 'self'), { recursive: true });
    writeFileSync(
      join(root, 'self/mountinfo'),
      '1 1 0:1 / / rw - ext4 x rw\n2 1 0:2 / /n rw - nfs4 srv:/ rw\n',
    );
    const path = join(directory, 'prog');
    const what = await ended(path);
    const { hasher } = setUp({ root });
    await hasher.digest(what);
    const again = hasher.digest(what);
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toEqual(sums(path));
    expect(hasher.counters).toMatchObject({ read: 1, remembered: 1 });
  });
});

describe('FileHasher, of a program that is running', () => {
  it('hashes what runs, though its file was just made', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const execMs = Date.now();
    const pid = await sleeper(path);
    expect(await hasher.digest(request({ pid, path, files: [record(path)], execMs }))).toEqual(
      sums('/bin/sleep'),
    );
  });

  it('hashes a file that has been deleted', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const pid = await sleeper(path);
    rmSync(path);
    expect(await hasher.digest(request({ pid, path, files }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes a file that never had a name', async () => {
    const { hasher } = setUp();
    const create = koffi.load(null).func('int memfd_create(const char *name, uint flags)');
    const fd: number = create('prog', 0);
    const bytes = readFileSync('/bin/sleep');
    writeSync(fd, bytes);
    const pid = await sleeper(`/proc/${process.pid}/fd/${fd}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const what = { pid, path: '/memfd:prog (deleted)', files: [record(`/proc/${process.pid}/fd/${fd}`)] };
    expect(await hasher.digest(request(what))).toMatchObject({ sha256 });
  });

  it('hashes the old file when another has taken its place', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const pid = await sleeper(path);
    copyFileSync('/bin/sh', join(directory, 'new'));
    renameSync(join(directory, 'new'), path);
    expect(await hasher.digest(request({ pid, path, files }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes the interpreter of a script', async () => {
    const { hasher } = setUp();
    const script = join(directory, 'script');
    writeFileSync(script, '#!/bin/sleep 60\n', { mode: 0o755 });
    const pid = await sleeper('/bin/sleep');
    const path = new ProcfsReader().link(pid, 'exe')!;
    expect(await hasher.digest(request({ pid, path, files: [record(script)] }))).toEqual(sums('/bin/sleep'));
  });

  it('hashes what a process runs that was there before anyone looked', async () => {
    const { hasher } = setUp();
    const pid = await sleeper('/bin/sleep');
    const path = new ProcfsReader().link(pid, 'exe')!;
    const asked = request({ pid, path, execMs: undefined });
    expect(await hasher.digest(asked)).toEqual(sums('/bin/sleep'));
    expect(hasher.digest({ ...asked, isSame: () => false })).toBeUndefined();
    expect(hasher.digest({ ...asked, path: '/bin/other' })).toBeUndefined();
    expect(hasher.digest({ ...asked, ended: true })).toBeUndefined();
  });

  it('is not misled by a later exec of the same process', async () => {
    const { hasher } = setUp();
    const pid = await sleeper('/bin/sleep');
    // What ran before was a shell that is still where it was.
    const path = '/bin/sh';
    expect(await hasher.digest(request({ pid, path, files: [record(path)] }))).toEqual(sums(path));
    // And one that is gone.
    const gone = { ...record(path), inode: '1' };
    expect(hasher.digest(request({ pid, path, files: [gone] }))).toBeUndefined();
  });

  it('gives no hash of a file that was written to since, though the process runs it again', async () => {
    const { hasher } = setUp();
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
    expect(await hasher.digest(request({ pid, path, files, execMs }))).toBeUndefined();
    rmSync(path);
    expect(await hasher.digest(request({ pid, path, files, execMs }))).toBeUndefined();
    expect(hasher.counters.changed).toBe(2);
  });

  it('hashes a file that was deleted some time after the exec', async () => {
    const { hasher } = setUp();
    const path = join(directory, 'prog');
    copyFileSync('/bin/sleep', path);
    const files = [record(path)];
    const execMs = Date.now();
    const pid = await sleeper(path);
    await grain();
    rmSync(path);
    expect(await hasher.digest(request({ pid, path, files, execMs }))).toEqual(sums('/bin/sleep'));
  });

  it('gives no hash if the process ended while its new file was read', async () => {
    const path = join(directory, 'prog');
    const digest = createLocalDigester();
    let pid = 0;
    const { hasher } = setUp({
      digester: async (fd, size) => {
        const child = children.at(-1)!;
        child.kill('SIGKILL');
        await once(child, 'exit');
        return digest(fd, size);
      },
    });
    copyFileSync('/bin/sleep', path);
    const execMs = Date.now();
    pid = await sleeper(path);
    expect(await hasher.digest(request({ pid, path, files: [record(path)], execMs }))).toBeUndefined();
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
    if (!mounted('-t', 'tmpfs', 'tmpfs', lower)) return context.skip();
    const layers = `lowerdir=${lower},upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`;
    const isOverlay = mounted('-t', 'overlay', '-o', `${layers},xino=off`, 'overlay', merged);
    try {
      if (!isOverlay) return context.skip();
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
      const { hasher } = setUp();
      expect(await hasher.digest(request({ path, files }))).toEqual(sums('/bin/true'));
      const elsewhere = [{ ...record(path), dev: 'fe:99' }];
      expect(hasher.digest(request({ path, files: elsewhere }))).toBeUndefined();
    } finally {
      if (isOverlay) execFileSync('umount', [merged]);
      execFileSync('umount', [lower]);
    }
  });
});
