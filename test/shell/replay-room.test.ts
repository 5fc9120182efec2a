import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unless, whyNotLinux } from '../unless.ts';

const EVENTS = 9_000;
/** Of an argument that does not pack: rows come to more than a table has in memory. */
const ARGUMENT_BYTES = 7_000;
const SHELL = ['--conditions=source', 'src/cli/main.ts', 'shell', '--csv'];
const root = new URL('../..', import.meta.url).pathname;

/** In a mount namespace of its own, so that it goes with its process. */
const whyNotMount =
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', tmpdir()]).status === 0
    ? undefined
    : 'it needs leave to mount a file system';

let directory: string;
let log: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-room-'));
  log = join(directory, 'audit.log');
  const lines: string[] = [];
  for (let i = 1; i <= EVENTS; i++) {
    const header = `msg=audit(${1_767_225_600 + i}.000:${i}): `;
    const argument = randomBytes((ARGUMENT_BYTES * 3) >> 2).toString('base64');
    lines.push(
      `type=SYSCALL ${header}arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0 ppid=1 pid=${i} auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm="true" exe="/usr/bin/true" key=(null)`,
      `type=EXECVE ${header}argc=2 a0="true" a1="${argument}"`,
      `type=EOE ${header}`,
    );
  }
  writeFileSync(log, `${lines.join('\n')}\n`);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Not the directory of the shell's own socket. */
const filesIn = (place: string): readonly string[] =>
  readdirSync(place, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ name }) => name);

describe('recorded rows beyond memory', unless(whyNotLinux), () => {
  test('leave no file behind, whenever the program is killed', async () => {
    const place = join(directory, 'killed');
    mkdirSync(place);
    const shell: ChildProcess = spawn(process.execPath, [...SHELL, '--verbose', '--replay', log], {
      cwd: root,
      env: { ...process.env, TMPDIR: place },
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
    });
    try {
      for await (const chunk of shell.stderr!) {
        if (String(chunk).includes(`temporary file in ${place}`)) break;
      }
      expect(filesIn(place)).toEqual([]);
    } finally {
      // The shell and its extension.
      process.kill(-shell.pid!, 'SIGKILL');
    }
    await once(shell, 'exit');
    expect(filesIn(place)).toEqual([]);
  });

  test('end the reading where the disk has no room, and what was read answers', unless(whyNotMount), () => {
    const place = join(directory, 'small');
    mkdirSync(place);
    const script = 'mount -t tmpfs -o size=16m none "$TMPDIR" && "$@"; ls -A "$TMPDIR" >&3';
    const sql = 'SELECT count(*) AS n, max(pid) AS last FROM process_events';
    const { stdout, stderr, output } = spawnSync(
      'unshare',
      ['-m', 'sh', '-c', script, 'sh', process.execPath, ...SHELL, '--replay', log, sql],
      {
        cwd: root,
        env: { ...process.env, TMPDIR: place },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        encoding: 'utf8',
      },
    );
    const [count, last] = stdout.trim().split('\n').at(-1)!.split('|').map(Number);
    expect(count).toBeGreaterThan(1_000);
    expect(count).toBeLessThan(EVENTS);
    expect(last).toBe(count);
    const lines = stderr.split('\n').filter(line => line !== '');
    expect(lines).toEqual([
      expect.stringMatching(
        /rows fit neither into memory nor into a temporary file in \S+small \(only 1\d MiB are free\): reading stops\./,
      ),
      expect.stringMatching(
        /one file: reading was stopped after [\d.]+ MB of [\d.]+ MB, and the rest was not read$/,
      ),
    ]);
    expect(output[3]).toBe('');
  });
});
