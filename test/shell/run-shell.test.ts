import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

// Several processes start and end in each of these tests.
vi.setConfig({ testTimeout: 120_000 });

const PROGRAM = fileURLToPath(new URL('./fake-shell.ts', import.meta.url));

/** The shell's temporary directory, of which nothing may be left. */
let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'shell-'));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

const start = (...args: string[]) => {
  const child = spawn(process.execPath, ['--conditions=source', PROGRAM, ...args], {
    env: { ...process.env, TMPDIR: temporary },
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = new Promise<number | null>(resolve => child.once('close', status => resolve(status)));
  return { child, ended, out: () => out, errors: () => errors };
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the shell as a process', () => {
  test('runs SQL from its argument over the real socket, and leaves nothing behind', async () => {
    const shell = start(
      '--mode=json',
      "--sql=SELECT pid, text, options FROM fake; SELECT text FROM fake_alias WHERE pid > 0; SELECT value FROM osquery_flags WHERE name = 'events_max'",
      '--events',
    );
    expect(await shell.ended).toBe(0);
    const [row, aliased, flag] = JSON.parse(shell.out()) as Record<string, string>[];
    expect(row!.text).toBe('\u001b[31mred\u202e');
    expect(shell.out()).toContain('\\u001b[31mred\\u202e');
    expect(row!.options).toMatch(/^--socket \S+core\.em --timeout 3 --interval 3 --events$/);
    expect(aliased).toEqual({ text: row!.text });
    expect(flag).toEqual({ value: '123' });
    expect(isAlive(Number(row!.pid))).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
    expect(shell.errors()).toBe('');
  });

  test('takes statements from its input and tells with its status that one failed', async () => {
    const shell = start('--mode=csv');
    shell.child.stdin.write('SELECT text FROM fake;');
    await expect.poll(shell.out, { timeout: 50_000 }).toContain('red');
    shell.child.stdin.end('SELECT * FROM nowhere;\n');
    expect(await shell.ended).toBe(1);
    expect(shell.errors()).toBe(
      'Error: near line 1: no such table: nowhere; .tables shows those there are\n',
    );
  });

  test('ends with the status of an extension that ends at its start, after what that said', async () => {
    const shell = start('--sql=SELECT 1', '--fail=9');
    expect(await shell.ended).toBe(9);
    // It has said why; there is nothing to add.
    expect(shell.errors()).toBe('fake extension: told to fail\n');
    expect(shell.out()).toBe('');
    const missing = start('--sql=SELECT 1', '--program=/nonexistent/x.ext');
    expect(await missing.ended).toBe(1);
    expect(missing.errors()).toContain('cannot start the extension /nonexistent/x.ext');
  });

  test('stops the statement, then the extension, then itself on a signal', async () => {
    const ends = async (signal: NodeJS.Signals): Promise<number | null> => {
      const shell = start('--mode=line');
      shell.child.stdin.write('SELECT pid FROM fake; SELECT * FROM slow;');
      await expect.poll(shell.out, { timeout: 50_000 }).toContain('pid = ');
      shell.child.kill(signal);
      const status = await shell.ended;
      expect(isAlive(Number(/pid = (\d+)/.exec(shell.out())![1]))).toBe(false);
      return status;
    };
    expect(await Promise.all([ends('SIGHUP'), ends('SIGINT'), ends('SIGTERM')])).toEqual([129, 130, 143]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('starts the extension again when it is killed', async () => {
    const shell = start('--mode=line');
    const { stdin } = shell.child;
    stdin.write('SELECT pid FROM fake;');
    await expect.poll(shell.out, { timeout: 50_000 }).toContain('pid = ');
    const pid = Number(/pid = (\d+)/.exec(shell.out())![1]);
    process.kill(pid, 'SIGKILL');
    await expect.poll(shell.errors, { timeout: 50_000 }).toContain('ended by SIGKILL; starting it again');
    const pids = (): string[] => [...shell.out().matchAll(/pid = (\d+)/g)].map(match => match[1]!);
    // Until core has noticed and the new one has registered, the statement fails.
    await expect
      .poll(
        () => {
          stdin.write('SELECT pid FROM fake;');
          return new Set(pids()).size;
        },
        { timeout: 25_000, interval: 500 },
      )
      .toBe(2);
    expect(shell.errors()).toMatch(/Extension socket not available|no such table/);
    stdin.end();
    await shell.ended;
    expect(isAlive(Number(pids().at(-1)))).toBe(false);
  });

  test('ends quietly when nobody reads its output any more', async () => {
    const shell = start(
      '--mode=csv',
      '--sql=WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c',
    );
    await expect.poll(shell.out, { timeout: 50_000 }).toContain('x\n1\n');
    shell.child.stdout.destroy();
    expect(await shell.ended).toBe(141);
    expect(shell.errors()).toBe('');
    expect(existsSync(temporary) && readdirSync(temporary)).toEqual([]);
  });
});
