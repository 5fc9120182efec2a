import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, utimesSync } from 'node:fs';
import { ExtensionClient } from 'osquery-extension-ts/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { socketPath, startFakeCore, until } from './support.ts';

interface Program {
  readonly child: ChildProcess;
  readonly exit: Promise<[number | null, string | null]>;
  readonly output: () => string;
}

const start = (...args: string[]): Program => {
  const child = spawn(
    process.execPath,
    ['--conditions=source', new URL('./main-program.ts', import.meta.url).pathname, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  const collect = (chunk: unknown): void => {
    output += String(chunk);
  };
  child.stdout!.on('data', collect);
  child.stderr!.on('data', collect);
  return { child, exit: once(child, 'close') as Program['exit'], output: () => output };
};

describe('main', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('serves, and stops on %s with status 0', async signal => {
    const core = await startFakeCore();
    const program = start('--verbose', '--socket', core.socketPath, '--timeout', '3', '--interval', '3');
    await until(() => program.output().includes('registered'));
    const [uuid] = core.registered.keys();
    await using client = new ExtensionClient({ socketPath: `${core.socketPath}.${uuid}` });
    expect(await client.call('table', 'answers', { action: 'generate' })).toMatchObject([{ a: '42' }]);
    program.child.kill(signal);
    expect(await program.exit).toEqual([0, null]);
    expect(core.registered.size).toBe(0);
    expect(existsSync(`${core.socketPath}.${uuid}`)).toBe(false);
    expect(program.output()).toBe(
      `answers: registered with ${core.socketPath} as ${uuid}\nanswers: stopped by ${signal}\n`,
    );
  });

  it('ends with 0 when core asks it to, although it has timers of its own', async () => {
    const core = await startFakeCore();
    const program = start('--socket', core.socketPath);
    await until(() => core.registered.size === 1);
    const [uuid] = core.registered.keys();
    await using client = new ExtensionClient({ socketPath: `${core.socketPath}.${uuid}` });
    await until(() =>
      client.ping().then(
        () => true,
        () => false,
      ),
    );
    await client.shutdown();
    expect(await program.exit).toEqual([0, null]);
    expect(program.output()).toBe('');
  });

  it('ends with 1 and a line when core is gone', async () => {
    const core = await startFakeCore();
    const program = start('--socket', core.socketPath, '--interval', '0.1');
    await until(() => core.registered.size === 1);
    await core.server.close(0);
    expect(await program.exit).toEqual([1, null]);
    expect(program.output()).toMatch(/^answers: [^\n]+\n$/);
  });

  it('ends with 1 and a line when there is no core, or it refuses', async () => {
    const nobody = socketPath();
    const alone = start('--socket', nobody, '--timeout', '0.1');
    expect(await alone.exit).toEqual([1, null]);
    expect(alone.output()).toBe(
      `answers: cannot connect to ${nobody}: there is no such socket; is osquery running, with --extensions_socket at this path?\n`,
    );
    const core = await startFakeCore({
      registerExtension: () => {
        throw new Error('Invalid route info');
      },
    });
    const refused = start('--socket', core.socketPath);
    expect(await refused.exit).toEqual([1, null]);
    expect(refused.output()).toBe(
      'answers: osquery refused to register extension "answers": Invalid route info\n',
    );
  });

  it('ends with 2 for wrong arguments, and with 0 for --help and --version', async () => {
    const wrong = start('--sockets', '/x');
    expect(await wrong.exit).toEqual([2, null]);
    expect(wrong.output()).toMatch(/^answers: unknown argument "--sockets"; expected --socket PATH[^\n]*\n$/);
    const version = start('--version');
    expect(await version.exit).toEqual([0, null]);
    expect(version.output()).toBe('1.2.3\n');
    const help = start('--help');
    expect(await help.exit).toEqual([0, null]);
    expect(help.output()).toContain('answers 1.2.3, an osquery extension: table answers');
  });

  it('ends at once at a second signal', async () => {
    let asked = false;
    const core = await startFakeCore({
      deregisterExtension: () => {
        asked = true;
        return new Promise(() => {});
      },
    });
    const program = start('--verbose', '--socket', core.socketPath);
    await until(() => program.output().includes('registered'));
    program.child.kill('SIGTERM');
    await until(() => asked);
    program.child.kill('SIGINT');
    expect(await program.exit).toEqual([130, null]);
  });

  it('removes sockets of extensions that were killed, and no others', async () => {
    const core = await startFakeCore();
    const leave = async (uuid: number, age: number): Promise<string> => {
      const path = `${core.socketPath}.${uuid}`;
      const child = spawn(process.execPath, [
        '-e',
        `require('net').createServer().listen(${JSON.stringify(path)})`,
      ]);
      await until(() => existsSync(path));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const then = Date.now() / 1000 - age;
      utimesSync(path, then, then);
      return path;
    };
    const old = await leave(11, 3600);
    const young = await leave(12, 1);
    const program = start('--verbose', '--socket', core.socketPath);
    await until(() => program.output().includes('registered'));
    expect(existsSync(old)).toBe(false);
    expect(existsSync(young)).toBe(true);
    expect(existsSync(core.socketPath)).toBe(true);
  });
});
