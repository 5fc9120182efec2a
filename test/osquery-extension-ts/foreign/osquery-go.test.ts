/**
 * Against osquery-go, in both directions, where programs written with it are: `OSQUERY_GO` is the directory of those made of
 * osquery_go.go, here, and of bench/object_rows.go.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ExtensionManagerClient, runExtension, TablePlugin } from 'osquery-extension-ts';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { Registration } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PATIENCE, startCore } from '../../core/support.ts';
import { unless } from '../../unless.ts';
import { startServer } from '../server/start-server.ts';
import { socketPath, startFakeCore, until } from '../support.ts';

const directory = process.env.OSQUERY_GO;
const program = join(directory ?? '', 'osquery_go');
const whyNot =
  directory === undefined
    ? 'OSQUERY_GO does not name programs of osquery-go'
    : existsSync(program)
      ? undefined
      : `OSQUERY_GO: there is no ${program}`;

/** The answer of its client. */
const ask = async (path: string, method: string, ...values: unknown[]): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(program, ['client', path, method, JSON.stringify(values)]);
  return JSON.parse(stdout)[0];
};

const start = (...args: string[]) => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let said = '';
  child.stdout.on('data', chunk => {
    said += String(chunk);
  });
  return { child, said: () => said };
};

const BIG = 2n ** 62n;
const columns = [
  { name: 'a', type: 'TEXT' },
  { name: 'n', type: 'BIGINT' },
] as const;
const table = new TablePlugin(
  { name: 't', columns },
  {
    generate: () => [
      { a: 'žluť €', n: BIG, rowid: 1 },
      { a: '', rowid: 2 },
    ],
  },
);
const rows = [
  { a: 'žluť €', n: String(BIG), rowid: '1' },
  { a: '', rowid: '2' },
];

describe('a client of osquery-go', unless(whyNot), () => {
  it('calls an extension', async () => {
    const server = await startServer({ uuid: 7, plugins: [table] });
    expect(await ask(server.socketPath, 'ping')).toEqual({ code: 0, message: 'pong', uuid: 7 });
    expect(await ask(server.socketPath, 'call', 'table', 't', { action: 'generate' })).toEqual({
      status: { code: 0, message: 'OK', uuid: 7 },
      response: rows,
    });
    expect(await ask(server.socketPath, 'call', 'table', 'x', {})).toMatchObject({ status: { code: 1 } });
  });

  it('registers with, and asks, our side of core', async () => {
    const core = await startFakeCore();
    core.options.set('verbose', { value: 'true', defaultValue: 'false', type: 'bool' });
    const info = { name: 'go', version: '1', sdk_version: '5', min_sdk_version: '0.0.0' };
    const registry = { table: { t: [{ id: 'column', name: 'a', type: 'TEXT', op: '0' }] } };
    const manager = (method: string, ...values: unknown[]) => ask(core.socketPath, method, ...values);
    const { uuid } = (await manager('registerExtension', info, registry)) as { uuid: number };
    expect(core.registered.get(uuid)?.routes.get('table')?.get('t')).toEqual(registry.table.t);
    expect(await manager('extensions')).toMatchObject({ [uuid]: { name: 'go', sdk_version: '5' } });
    expect(await manager('options')).toEqual({
      verbose: { value: 'true', default_value: 'false', type: 'bool' },
    });
    expect(await manager('query', 'SELECT 1')).toMatchObject({ response: [{ sql: 'SELECT 1' }] });
    expect(await manager('queryRow', 'SELECT 1')).toEqual({ sql: 'SELECT 1' });
    expect(await manager('getQueryColumns', '')).toMatchObject({
      response: [{ b: 'TEXT' }, { a: 'BIGINT' }],
    });
    expect(await manager('deregisterExtension', uuid)).toMatchObject({ code: 0 });
    expect(core.registered.size).toBe(0);
  });
});

describe('a core of osquery-go', unless(whyNot), () => {
  it('takes an extension in, is asked, and lets it go', async () => {
    const path = socketPath();
    const core = start('core', path);
    await until(() => core.said().includes('ready'));
    const stop = new AbortController();
    const registered = Promise.withResolvers<Registration>();
    const end = runExtension({
      name: 'ours',
      version: '1.2',
      plugins: [table],
      socket: path,
      signal: stop.signal,
      onRegistered: registered.resolve,
    });
    const { uuid, socketPath: own } = await registered.promise;
    expect(uuid).toBe(2n ** 53n + 1n);
    expect(await ask(own, 'call', 'table', 't', { action: 'generate' })).toMatchObject({ response: rows });
    await using client = new ExtensionManagerClient({ socketPath: path });
    expect(await client.query('SELECT 1')).toEqual([{ sql: 'SELECT 1' }, { žluť: '€' }]);
    expect(await client.getQueryColumns('')).toEqual([
      { name: 'b', type: 'TEXT' },
      { name: 'a', type: 'BIGINT' },
    ]);
    expect((await client.options()).get('verbose')?.value).toBe('true');
    expect((await client.extensions()).get(uuid)?.name).toBe('ours');
    expect(await client.database.get('configurations', 'x')).toBeUndefined();
    stop.abort();
    expect((await end).kind).toBe('signal');
    expect(core.said()).toContain('["deregisterExtension",9007199254740993]');
  });
});

describe('an extension of osquery-go', unless(whyNot), () => {
  it('is called by our client of extensions, and stopped', async () => {
    const core = await startFakeCore();
    const { child } = start('--socket', core.socketPath);
    await until(() => core.registered.size === 1);
    const [uuid, { info, routes }] = core.registered.entries().next().value!;
    expect(info.name).toBe('go');
    expect(routes.get('table')?.get('go_rows')).toMatchObject([{ name: 'asked' }, { name: 'number' }]);
    await using client = new ExtensionClient({ socketPath: `${core.socketPath}.${uuid}` });
    const answers = (): Promise<boolean> =>
      client.ping().then(
        () => true,
        () => false,
      );
    await until(answers);
    const context = JSON.stringify({
      constraints: [{ name: 'number', affinity: 'BIGINT', list: [{ op: 2, expr: '5' }] }],
    });
    expect(await client.call('table', 'go_rows', { action: 'generate', context })).toEqual([
      { asked: 'žluť €', number: String(2n ** 63n - 1n) },
      { asked: 'number 2 5', number: '5' },
    ]);
    await expect(client.call('table', 'nothing', { action: 'generate' })).rejects.toMatchObject({
      code: 'OSQUERY_STATUS',
    });
    await client.shutdown();
    // It waits for its callers to go.
    await client.close();
    await until(() => core.registered.size === 0 && child.exitCode !== null);
  });

  it('serves SQL to our core', async () => {
    await using started = await startCore();
    start('--socket', started.core.socketPath);
    await until(() => started.core.tables().some(({ name }) => name === 'go_rows'));
    const sql = 'SELECT asked FROM go_rows WHERE number = 5';
    const answer = () => started.core.query(sql).then(({ rows: found }) => found, String);
    await expect.poll(answer, PATIENCE).toEqual([{ asked: 'number 2 5' }]);
  });
});
