import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unless, whyNotLinux } from '../../unless.ts';

const scriptlets = fileURLToPath(new URL('../../../src/build/package/files/scriptlets.sh', import.meta.url));

describe('what packages tell a running extension', unless(whyNotLinux), () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'scriptlets-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Starts a stand-in for the extension from a stand-in for osqueryd, which prints the status that it ends with. */
  const start = async (parent: string) => {
    const ext = join(directory, 'x.ext');
    copyFileSync('/bin/sleep', ext);
    copyFileSync('/bin/sh', join(directory, parent));
    const script = `"${ext}" 20 & echo started; wait $!; echo "ended with $?"`;
    const child = spawn(join(directory, parent), ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text;
    });
    await expect.poll(() => output).toContain('started');
    const signal = () =>
      execFileSync('/bin/sh', ['-c', `. "${scriptlets}"; ext="${ext}"; signal_replaced USR2`]);
    return { ext, child, signal, ended: once(child, 'close'), output: () => output };
  };

  test('reaches the one that osqueryd started, once its file was replaced', async () => {
    const { ext, signal, ended, output } = await start('osqueryd');
    signal();
    expect(output()).toBe('started\n');
    rmSync(ext);
    copyFileSync('/bin/true', ext);
    signal();
    await ended;
    // 128 and the number of SIGUSR2.
    expect(output()).toBe('started\nended with 140\n');
  });

  test('does not reach what somebody else started from that file', async () => {
    const { ext, child, signal, ended, output } = await start('bash');
    rmSync(ext);
    signal();
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(output()).toBe('started\n');
    execFileSync('/bin/sh', [
      '-c',
      `for p in $(cat /proc/${child.pid}/task/${child.pid}/children); do kill $p; done`,
    ]);
    await ended;
  });
});
