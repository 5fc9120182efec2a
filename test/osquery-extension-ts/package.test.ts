import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExtensionClient } from 'osquery-extension-ts';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startFakeCore, until } from './support.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const home = `${root}src/osquery-extension-ts/`;
const example = `${home}examples/shelf.ts`;

describe('the package, compiled', () => {
  beforeAll(async () => {
    const run = promisify(execFile);
    await run(`${root}node_modules/.bin/tsc`, ['-p', `${home}tsconfig.build.json`]);
    await run(process.execPath, [`${home}scripts/copy-generated.ts`]);
  });

  it.each([
    ['from its sources', ['--conditions=source']],
    ['compiled', []],
  ])('runs the example of the README as osqueryd would, %s', async (_, conditions) => {
    const core = await startFakeCore();
    const child = spawn(
      process.execPath,
      [...conditions, example, '--socket', core.socketPath, '--timeout', '3', '--interval', '3'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let output = '';
    child.stdout.on('data', chunk => {
      output += String(chunk);
    });
    child.stderr.on('data', chunk => {
      output += String(chunk);
    });
    const exit = once(child, 'exit');
    await Promise.race([until(() => core.registered.size === 1), exit]);
    const uuid = [...core.registered.keys()][0];
    const socketPath = `${core.socketPath}.${uuid}`;
    const client = new ExtensionClient({ socketPath });
    onTestFinished(() => client.close());
    // It registers first and listens then.
    const answers = (): Promise<boolean> =>
      client.ping().then(
        () => true,
        () => false,
      );
    await Promise.race([vi.waitUntil(answers, { timeout: 10_000 }), exit]);
    const generate = (constraints: object[]) =>
      client.call('table', 'shelf', { action: 'generate', context: JSON.stringify({ constraints }) });
    expect(await generate([])).toMatchObject([
      { id: '1', title: 'Dune', price: '9.5' },
      { id: '2', title: 'Solaris' },
    ]);
    expect(await generate([{ name: 'id', affinity: 'BIGINT', list: [{ op: 2, expr: '2' }] }])).toMatchObject([
      { id: '2', title: 'Solaris' },
    ]);
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(output).toBe('');
    expect(core.registered.size).toBe(0);
    expect(existsSync(socketPath)).toBe(false);
  });

  it('shows in the README what it runs', () => {
    expect(readFileSync(`${home}README.md`, 'utf8')).toContain(readFileSync(example, 'utf8'));
  });

  it('gives the same things compiled as from its sources', async () => {
    const list = async (conditions: string[]) => {
      const script = "import('osquery-extension-ts').then(m => console.log(JSON.stringify(Object.keys(m))))";
      const { stdout } = await promisify(execFile)(process.execPath, [...conditions, '-e', script], {
        cwd: root,
      });
      return JSON.parse(stdout) as string[];
    };
    const names = await list([]);
    expect(names).toEqual(await list(['--conditions=source']));
    expect(names).toContain('runExtension');
  });
});
