/**
 * Against what others make of the same interface: Apache Thrift's compiler and its library for Python (Debian: thrift-compiler,
 * python3-thrift), as client of ours and as core for ours.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExtensionManagerClient, runExtension, TablePlugin } from 'osquery-extension-ts';
import type { Registration } from 'osquery-extension-ts/types';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../server/start-server.ts';
import { socketPath, startFakeCore, until } from '../support.ts';

const run = promisify(execFile);
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const idl = file('../../../src/osquery-extension-ts/idl/osquery.thrift');
const PYTHON = '/usr/bin/python3';
const PACKAGES = 'thrift-compiler and python3-thrift are not installed';

const generated = mkdtempSync(join(tmpdir(), 'oext-thrift-'));
let isThere = false;
beforeAll(async () => {
  try {
    await run(PYTHON, ['-c', 'import thrift']);
    await run('thrift', ['--gen', 'py', '-out', generated, idl]);
    isThere = true;
  } catch {
    // The tests say so.
  }
});
afterAll(() => rmSync(generated, { recursive: true, force: true }));

const ask = async (path: string, service: string, method: string, ...values: unknown[]): Promise<unknown> => {
  const args = [file('client.py'), generated, path, service, method, JSON.stringify(values)];
  return JSON.parse((await run(PYTHON, args)).stdout);
};

const columns = [
  { name: 'a', type: 'TEXT' },
  { name: 'n', type: 'BIGINT' },
] as const;
const table = new TablePlugin(
  { name: 't', columns },
  {
    generate: () => [
      { a: 'žluť €', n: 2n ** 62n, rowid: 1 },
      { a: '', rowid: 2 },
    ],
  },
);

describe('a client of Thrift for Python', () => {
  it('calls an extension', async ({ skip }) => {
    if (!isThere) skip(PACKAGES);
    const server = await startServer({ uuid: 7, plugins: [table] });
    expect(await ask(server.socketPath, 'Extension', 'ping')).toEqual({ code: 0, message: 'pong', uuid: 7 });
    expect(await ask(server.socketPath, 'Extension', 'call', 'table', 't', { action: 'generate' })).toEqual({
      status: { code: 0, message: 'OK', uuid: 7 },
      response: [
        { a: 'žluť €', n: String(2n ** 62n), rowid: '1' },
        { a: '', rowid: '2' },
      ],
    });
    expect(await ask(server.socketPath, 'Extension', 'call', 'table', 'x', {})).toMatchObject({
      status: { code: 1 },
    });
  });

  it('registers with, and asks, our side of core', async ({ skip }) => {
    if (!isThere) skip(PACKAGES);
    const core = await startFakeCore();
    core.options.set('verbose', { value: 'true', defaultValue: 'false', type: 'bool' });
    const manager = (method: string, ...values: unknown[]) =>
      ask(core.socketPath, 'ExtensionManager', method, ...values);
    const info = { name: 'py', version: '1', sdk_version: '5', min_sdk_version: '0.0.0' };
    const registry = { table: { t: [{ id: 'column', name: 'a', type: 'TEXT', op: '0' }] } };
    const { uuid } = (await manager('registerExtension', info, registry)) as { uuid: number };
    expect(core.registered.get(uuid)?.routes.get('table')?.get('t')).toEqual(registry.table.t);
    expect(await manager('extensions')).toMatchObject({ [uuid]: { name: 'py', sdk_version: '5' } });
    expect(await manager('options')).toEqual({
      verbose: { value: 'true', default_value: 'false', type: 'bool' },
    });
    expect(await manager('query', 'SELECT 1')).toMatchObject({ response: [{ sql: 'SELECT 1' }] });
    expect(await manager('deregisterExtension', uuid)).toMatchObject({ code: 0 });
    expect(core.registered.size).toBe(0);
  });
});

describe('a core of Thrift for Python', () => {
  it('takes an extension in, calls it, is asked, and lets it go', async ({ skip }) => {
    if (!isThere) skip(PACKAGES);
    const path = socketPath();
    const child = spawn(PYTHON, [file('manager.py'), generated, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let said = '';
    child.stdout.on('data', chunk => {
      said += String(chunk);
    });
    await until(() => said.includes('ready'));
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
    expect(await ask(own, 'Extension', 'call', 'table', 't', { action: 'generate' })).toMatchObject({
      response: [{ a: 'žluť €' }, {}],
    });
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
    expect(said).toContain('["deregisterExtension", 9007199254740993]');
  });
});
