/** Every example, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExtensionClient } from 'osquery-extension-ts/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PATIENCE, startCore } from '../core/support.ts';
import { startFakeCore, until } from './support.ts';

const examples = fileURLToPath(new URL('../../src/osquery-extension-ts/examples/', import.meta.url));

const start = (name: string, args: readonly string[], env: Record<string, string> = {}) => {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--conditions=source', join(examples, name), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', chunk => {
      output += String(chunk);
    });
  }
  return { child, exit: once(child, 'close'), output: () => output };
};

/** Starts an example with a core that only takes it in, and calls its plugin. */
const startCalled = async (name: string, env: Record<string, string> = {}) => {
  const core = await startFakeCore();
  const program = start(name, ['--socket', core.socketPath], env);
  await until(() => core.registered.size === 1 || program.child.exitCode !== null);
  const client = new ExtensionClient({ socketPath: `${core.socketPath}.${[...core.registered.keys()][0]}` });
  onTestFinished(() => client.close());
  await until(() =>
    client.ping().then(
      () => true,
      () => false,
    ),
  );
  return { client, output: program.output };
};

describe('the examples', () => {
  it('are short', () => {
    for (const name of readdirSync(examples)) {
      expect(readFileSync(join(examples, name), 'utf8').split('\n').length).toBeLessThanOrEqual(40);
    }
  });

  it('notes.ts keeps what SQL writes', async () => {
    await using started = await startCore();
    const program = start('notes.ts', ['--socket', started.core.socketPath]);
    const has = async (): Promise<boolean> =>
      started.core.tables().some(({ name }) => name === 'notes') || program.child.exitCode !== null;
    await until(has);
    const run = async (sql: string) => (await started.core.query(sql)).rows;
    await expect
      .poll(
        () =>
          run("INSERT INTO notes (text) VALUES ('first'), ('second')").then(
            () => 1,
            () => 0,
          ),
        PATIENCE,
      )
      .toBe(1);
    await run("UPDATE notes SET text = 'changed' WHERE text = 'first'");
    await run("DELETE FROM notes WHERE text = 'second'");
    expect(await run('SELECT rowid, * FROM notes')).toEqual([{ rowid: '1', text: 'changed' }]);
    expect(started.database.scan('configurations', 'notes.')).toEqual(['notes.1']);
    await expect(run('INSERT INTO notes (text) VALUES (NULL)')).rejects.toThrow('a note has a text');
    expect(program.output()).toBe('');
  });

  it('changes.ts tells what changes in a directory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'oext-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    await using started = await startCore();
    const program = start('changes.ts', ['--socket', started.core.socketPath], { WATCHED: directory });
    const paths = async (): Promise<unknown[]> => {
      const { rows } = await started.core.query('SELECT DISTINCT path FROM file_changes WHERE eid > 0');
      return rows.map(({ path }) => path);
    };
    await until(() =>
      paths().then(
        () => true,
        () => program.child.exitCode !== null,
      ),
    );
    writeFileSync(join(directory, 'new'), '');
    await expect.poll(paths, PATIENCE).toEqual([join(directory, 'new')]);
    expect(program.output()).toBe('');
  });

  it('config.ts gives a document and a pack', async () => {
    const { client } = await startCalled('config.ts');
    const [config] = await client.call('config', 'from_code', { action: 'genConfig' });
    expect(JSON.parse(config!.from_code!)).toMatchObject({
      schedule: { uptime: { interval: 60 } },
      packs: { more: 'users' },
    });
    const [pack] = await client.call('config', 'from_code', {
      action: 'genPack',
      name: 'more',
      value: 'users',
    });
    expect(JSON.parse(pack!.more!)).toEqual({
      queries: { users: { query: 'SELECT * FROM users', interval: 3600 } },
    });
  });

  it('logger.ts writes what core logs', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'oext-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const { client } = await startCalled('logger.ts', { LOG_FILE: join(directory, 'log') });
    await client.call('logger', 'to_file', { string: '{"name":"q"}', category: 'event' });
    await client.call('logger', 'to_file', {
      status: 'true',
      log: '[{"s":1,"f":"x.cpp","i":3,"m":"careful"}]',
    });
    expect(readFileSync(join(directory, 'log'), 'utf8')).toBe('{"name":"q"}\nwarning: careful\n');
  });

  it('distributed.ts gives a query once', async () => {
    const { client, output } = await startCalled('distributed.ts');
    const ask = async () =>
      JSON.parse((await client.call('distributed', 'from_code', { action: 'getQueries' }))[0]!.results!);
    expect(await ask()).toEqual({ queries: { 'users-1': 'SELECT username FROM users WHERE uid = 0' } });
    const results = JSON.stringify({
      queries: { 'users-1': [{ username: 'root' }] },
      statuses: { 'users-1': 0 },
      messages: { 'users-1': '' },
      stats: { 'users-1': { wall_time_ms: 4, user_time: 1, system_time: 0, memory: 100 } },
    });
    await client.call('distributed', 'from_code', { action: 'writeResults', results });
    expect(await ask()).toEqual({ queries: {} });
    await until(() => output() !== '');
    expect(output()).toBe('users-1: [{"username":"root"}] in 4 ms\n');
  });

  it('client.ts asks core', async () => {
    await using started = await startCore();
    const program = start('client.ts', [started.core.socketPath, 'SELECT 1 + 1 AS two']);
    expect(await program.exit).toEqual([0, null]);
    expect(program.output()).toMatch(/two[\s\S]*'2'[\s\S]*host identifier: /);
    const alone = start('client.ts', ['/nowhere.em']);
    expect(await alone.exit).toEqual([1, null]);
    expect(alone.output()).toMatch(/^OSQUERY_CONNECT: cannot connect to \/nowhere\.em/);
  });
});
