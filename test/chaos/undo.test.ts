import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unless } from '../unless.ts';
import { Undo } from './undo.ts';

const whyNotShell = existsSync('/bin/sh') ? undefined : 'it needs a shell';
const UNDO = new URL('./undo.ts', import.meta.url).pathname;

const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'undo-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'undone');
};

test('what is disposed of is undone, and not before', unless(whyNotShell), async () => {
  const file = scratch();
  {
    await using _ = new Undo('echo "$2" > "$1"', file, 'a b');
    expect(existsSync(file)).toBe(false);
  }
  expect(readFileSync(file, 'utf8')).toBe('a b\n');
});

test('a process that is killed leaves nothing behind', unless(whyNotShell), async () => {
  const file = scratch();
  const program = `
    const { Undo } = await import(${JSON.stringify(UNDO)});
    new Undo('echo undone > "$1"', ${JSON.stringify(file)});
    process.stdout.write('ready');
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expect.poll(() => existsSync(file), { timeout: 10_000 }).toBe(true);
});

test('what cannot be undone is told', unless(whyNotShell), async () => {
  const undo = new Undo('exit 3');
  await expect(undo[Symbol.asyncDispose]()).rejects.toThrow('ended with status 3: exit 3');
});
