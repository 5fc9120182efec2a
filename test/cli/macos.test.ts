import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unless, whyNotLinux } from '../unless.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const pretend = new URL('./pretend-macos.ts', import.meta.url).href;
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/openbsm/${name}`, import.meta.url));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=source', main, ...args], {
    encoding: 'utf8',
    timeout: 25_000,
    // For the extension that the shell starts, and for worker threads, too.
    env: { ...process.env, NODE_OPTIONS: `--import=${pretend}` },
  });
  return { status, stdout, stderr };
};

let trails: string;
beforeAll(() => {
  trails = mkdtempSync(join(tmpdir(), 'audit-'));
  copyFileSync(fixture('processes.trail'), join(trails, '20240521133700.20240521140000'));
  copyFileSync(fixture('sockets.trail'), join(trails, '20240521140000.not_terminated'));
});
afterAll(() => rmSync(trails, { recursive: true }));

describe('on macOS', () => {
  test('the tables of a directory of trails have the columns they have there', () => {
    const { status, stdout, stderr } = run(
      'shell',
      `--replay=${trails}`,
      '--csv',
      "SELECT * FROM process_events WHERE path = '/usr/bin/locked'",
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(
      'pid|path|mode|cmdline|cwd|auid|uid|euid|gid|egid|owner_uid|owner_gid|atime|mtime|ctime|btime|parent|time|uptime|status\n' +
        '5003|/usr/bin/locked|0100755|locked||501|501|501|20|20|0|0|0|0|0|0|5002|1716298620||11\n',
    );
  });

  test('a column of Linux is none', () => {
    const { status, stdout, stderr } = run(
      'shell',
      `--replay=${trails}`,
      'SELECT syscall FROM process_events',
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('no such column: syscall');
  });

  test('the doctor looks at audit_control', unless(whyNotLinux), () => {
    const { status, stdout, stderr } = run('doctor');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(/^problem +\/etc\/security\/audit_control/m);
    expect(stdout).toMatch(/^problem +kernel +this system has no \/dev\/auditpipe$/m);
  });
});
