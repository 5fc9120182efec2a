import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, existsSync, fstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Bridge } from '../../../src/ingest/bridge/bridge.ts';
import { type BridgeRecord, readBridgeRecord } from '../../../src/ingest/bridge/bridge-file.ts';
import { inheritSocket } from '../../../src/ingest/bridge/inherited-socket.ts';
import { givesDescriptors, isAlive, processIdentity } from '../../../src/ingest/bridge/process-handle.ts';
import { temporaryDirectory } from '../../events/persistence/temporary-directory.ts';
import { unless } from '../../unless.ts';

const canBridge = process.platform === 'linux' && givesDescriptors() && existsSync('/usr/bin/flock');
const whyNot = canBridge ? undefined : 'it needs Linux 5.6, the right to trace, and /usr/bin/flock';
const BUILD = new URL('./build-bridge.ts', import.meta.url).pathname;
const KEEPER = ['/bin/sleep', '60'] as const;

interface Instance {
  readonly process: ChildProcess;
  readonly directory: string;
  readonly record: BridgeRecord;
  /** Inode of what the bridge holds. */
  readonly inode: string;
  kill(): Promise<void>;
}

const instance = async (kind: 'audit' | 'file', keeper: readonly string[] = KEEPER): Promise<Instance> => {
  const directory = temporaryDirectory();
  const child = spawn(process.execPath, ['--conditions=source', BUILD, directory.path, kind, ...keeper], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    directory[Symbol.dispose]();
  });
  const inode = String((await once(child.stdout, 'data'))[0]).trim();
  const record = readBridgeRecord(directory.path)!;
  onTestFinished(() => {
    if (isAlive(record.holder)) process.kill(record.holder.pid, 'SIGKILL');
  });
  return {
    process: child,
    directory: directory.path,
    record,
    inode,
    kill: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
};

const inodeOf = (fd: number): string => String(fstatSync(fd, { bigint: true }).ino);
const commandOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();

describe('a bridge', unless(whyNot), () => {
  test('gives the next instance the very socket of one that was killed', async () => {
    const killed = await instance('audit');
    expect(killed.record.owner.pid).toBe(killed.process.pid);
    expect(isAlive(killed.record.holder)).toBe(true);
    await killed.kill();
    const inherited = (await inheritSocket(killed.directory))!;
    expect(inherited.ownerPid).toBe(killed.process.pid);
    expect(inodeOf(inherited.fd)).toBe(killed.inode);
    closeSync(inherited.fd);
    expect(isAlive(killed.record.holder)).toBe(false);
    expect(await inheritSocket(killed.directory)).toBeUndefined();
  });

  test('is kept by the program that was named, once the instance is gone, and not before', async () => {
    const killed = await instance('audit');
    const { pid } = killed.record.holder;
    expect(commandOf(pid)).toMatch(/flock --no-fork \S+\/bridge \/proc\/self\/fd\/4 60$/);
    await killed.kill();
    await expect.poll(() => commandOf(pid)).toBe('/proc/self/fd/4 60');
    const inherited = (await inheritSocket(killed.directory))!;
    expect(inodeOf(inherited.fd)).toBe(killed.inode);
    closeSync(inherited.fd);
  });

  test('is kept by a program whose file has been removed meanwhile', async () => {
    const directory = temporaryDirectory();
    onTestFinished(() => directory[Symbol.dispose]());
    const program = join(directory.path, 'keeper');
    copyFileSync('/bin/sleep', program);
    const killed = await instance('audit', [program, '60']);
    rmSync(program);
    await killed.kill();
    const { pid } = killed.record.holder;
    await expect.poll(() => commandOf(pid)).toBe('/proc/self/fd/4 60');
  });

  test('is not taken from an instance that lives', async () => {
    const living = await instance('audit');
    expect(await inheritSocket(living.directory)).toBeUndefined();
    expect(isAlive(living.record.holder)).toBe(true);
  });

  test('is waited for while the instance is about to end', async () => {
    const ending = await instance('audit');
    const inheriting = inheritSocket(ending.directory);
    setTimeout(() => ending.process.kill('SIGKILL'), 200);
    const inherited = (await inheriting)!;
    expect(inodeOf(inherited.fd)).toBe(ending.inode);
    closeSync(inherited.fd);
  });

  test('ends with an instance that removes it', async () => {
    const { process: child, record, directory } = await instance('audit');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await expect.poll(() => isAlive(record.holder)).toBe(false);
    expect(await inheritSocket(directory)).toBeUndefined();
  });

  test('that somebody breaks tells so', async () => {
    const { process: child, record } = await instance('audit');
    const told = once(child.stdout!, 'data');
    process.kill(record.holder.pid, 'SIGTERM');
    expect(String((await told)[0])).toBe('broken\n');
  });

  test('that holds something else gives nothing, and ends', async () => {
    const killed = await instance('file');
    await killed.kill();
    expect(await inheritSocket(killed.directory)).toBeUndefined();
    expect(isAlive(killed.record.holder)).toBe(false);
  });

  test('is not looked for in a process that only has its pid', async () => {
    const killed = await instance('audit');
    await killed.kill();
    const other = spawn(KEEPER[0], [KEEPER[1]]);
    onTestFinished(() => {
      other.kill('SIGKILL');
    });
    const { startTicks } = processIdentity(other.pid!)!;
    const record: BridgeRecord = {
      ...killed.record,
      holder: { pid: other.pid!, startTicks: startTicks - 1 },
    };
    writeFileSync(join(killed.directory, 'bridge'), JSON.stringify(record), { flag: 'r+' });
    expect(await inheritSocket(killed.directory)).toBeUndefined();
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  test('needs flock, and says so', () => {
    using directory = temporaryDirectory();
    const build = (): Bridge =>
      Bridge.build({
        directory: directory.path,
        fd: 0,
        keeper: { path: KEEPER[0], args: [] },
        flockPaths: ['/nonexistent/flock', '/nonexistent/too'],
        onBroken: () => {},
      });
    expect(build).toThrow('no flock at /nonexistent/flock or /nonexistent/too');
    expect(existsSync(join(directory.path, 'bridge'))).toBe(false);
  });
});

describe('without a bridge', () => {
  test('nothing is inherited', async () => {
    using directory = temporaryDirectory();
    expect(await inheritSocket(directory.path)).toBeUndefined();
    expect(await inheritSocket(join(directory.path, 'nonexistent'))).toBeUndefined();
  });
});
