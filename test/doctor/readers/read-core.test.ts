import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { OsqueryStatusError, type PluginRow } from 'osquery-extension-ts';
import { expect, test } from 'vitest';
import { readCore } from '../../../src/doctor/readers/read-core.ts';
import { socketPath, startFakeCore, startRawServer } from '../../osquery-extension-ts/support.ts';

/** Answers by the table that is asked for. */
const answering = (tables: Readonly<Record<string, readonly PluginRow[]>>) => (sql: string) => {
  const name = Object.keys(tables).find(table => sql.includes(table));
  if (name === undefined) throw new OsqueryStatusError({ code: 1, message: 'no such table' });
  return tables[name]!;
};

test('what a core tells about itself', async () => {
  const core = await startFakeCore({
    query: answering({
      osquery_info: [{ pid: '17', version: '5.23.0', config_valid: '1' }],
      osquery_registry: [
        { name: 'process_events', owner_uuid: '0' },
        { name: 'audit_process_events', owner_uuid: '311' },
      ],
      osquery_schedule: [{ name: 'q', query: 'SELECT 1', interval: '30', denylisted: '1' }],
    }),
  });
  core.options.set('disable_audit', { value: 'true', defaultValue: 'true', type: 'bool' });
  core.registered.set(311, {
    info: { name: 'osquery-audit-events', version: '0.1.0', sdkVersion: '0.0.0', minSdkVersion: '0.0.0' },
    routes: new Map(),
  });
  expect(await readCore({ socketPath: core.socketPath, expected: true })).toEqual({
    kind: 'running',
    path: core.socketPath,
    version: '5.23.0',
    pid: 17,
    configValid: true,
    options: new Map([['disable_audit', 'true']]),
    extensions: new Map([['osquery-audit-events', '0.1.0']]),
    tables: [
      { name: 'process_events', native: true },
      { name: 'audit_process_events', native: false },
    ],
    schedule: [{ name: 'q', sql: 'SELECT 1', interval: 30, denylisted: true }],
  });
});

test('a core that refuses every query is still a running one', async () => {
  const core = await startFakeCore({ query: answering({}) });
  expect(await readCore({ socketPath: core.socketPath, expected: false })).toMatchObject({
    kind: 'running',
    version: undefined,
    tables: undefined,
    schedule: undefined,
  });
});

test('a core whose queries of a tick take long is a running one, whose schedule is waited for', async () => {
  const slowly = (milliseconds: number) => async (sql: string) => {
    if (!sql.includes('osquery_schedule'))
      throw new OsqueryStatusError({ code: 1, message: 'no such table' });
    await sleep(milliseconds);
    return [{ name: 'q', query: 'SELECT 1', interval: '30', denylisted: '0' }];
  };
  const slow = await startFakeCore({ query: slowly(900) });
  expect(await readCore({ socketPath: slow.socketPath, expected: true, timeoutMs: 600 })).toMatchObject({
    kind: 'running',
    schedule: [{ name: 'q' }],
  });
  const stuck = await startFakeCore({ query: slowly(1_000) });
  expect(
    await readCore({ socketPath: stuck.socketPath, expected: true, scheduleTimeoutMs: 100 }),
  ).toMatchObject({ kind: 'running', schedule: undefined });
});

test('no socket: absent where none was named, else unreachable', async () => {
  const path = socketPath();
  expect(await readCore({ socketPath: path, expected: false })).toEqual({ kind: 'absent', path });
  expect(await readCore({ socketPath: path, expected: true })).toEqual({
    kind: 'unreachable',
    path,
    why: 'there is no such socket',
    denied: false,
  });
});

test('a file in its place, a path that is too long, and a core that hangs up', async () => {
  const path = socketPath();
  writeFileSync(path, '');
  expect(await readCore({ socketPath: path, expected: false })).toMatchObject({
    kind: 'unreachable',
    denied: false,
  });
  expect(await readCore({ socketPath: `/${'x'.repeat(120)}`, expected: true })).toMatchObject({
    kind: 'unreachable',
  });
  const raw = await startRawServer(socket => socket.destroy());
  expect(await readCore({ socketPath: raw, expected: true })).toMatchObject({
    kind: 'unreachable',
    denied: false,
  });
});

test('a core that never answers', async () => {
  const raw = await startRawServer(() => {});
  expect(await readCore({ socketPath: raw, expected: true, timeoutMs: 100 })).toMatchObject({
    kind: 'unreachable',
    why: expect.stringContaining('no reply'),
  });
});
