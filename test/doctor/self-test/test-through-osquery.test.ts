import { OsqueryStatusError } from 'osquery-extension-ts';
import { expect, test } from 'vitest';
import { testThroughOsquery } from '../../../src/doctor/self-test/test-through-osquery.ts';
import { socketPath, startFakeCore } from '../../osquery-extension-ts/support.ts';

const never = new AbortController().signal;
const plan = (path: string) => ({ kind: 'osquery', socketPath: path, table: 'process_events' }) as const;

test('a real program, seen when core has its row', async () => {
  const asked: string[] = [];
  const core = await startFakeCore({
    query(sql) {
      asked.push(sql);
      return asked.length < 3 ? [] : [{ pid: '1' }];
    },
  });
  const result = await testThroughOsquery(plan(core.socketPath), { patienceMs: 10_000, signal: never });
  expect(result).toMatchObject({
    kind: 'seen',
    way: 'osquery',
    source: 'process_events of the running osquery',
    program: expect.stringMatching(/\/true osquery-audit-events-doctor-[0-9a-f-]{36}$/),
  });
  if (result.kind !== 'seen') return;
  expect(asked).toEqual(
    Array(3).fill(
      `SELECT pid FROM process_events WHERE pid = ${result.pid} AND cmdline = '${result.program}'`,
    ),
  );
});

test('no row in time', async () => {
  const core = await startFakeCore({ query: () => [] });
  // Also how long one question may take.
  const patienceMs = 1_000;
  expect(await testThroughOsquery(plan(core.socketPath), { patienceMs, signal: never })).toMatchObject({
    kind: 'not-seen',
  });
});

test('a table that is not there, a core that is gone, a program that cannot be run', async () => {
  const core = await startFakeCore({
    query() {
      throw new OsqueryStatusError({ code: 1, message: 'no such table: process_events' });
    },
  });
  expect(await testThroughOsquery(plan(core.socketPath), { patienceMs: 1_000, signal: never })).toMatchObject(
    {
      kind: 'failed',
      why: 'osquery: no such table: process_events',
    },
  );
  expect(await testThroughOsquery(plan(socketPath()), { patienceMs: 1_000, signal: never })).toMatchObject({
    kind: 'failed',
    why: expect.stringContaining('no such socket'),
  });
  const start = () => Promise.reject(new Error('no program to run'));
  expect(
    await testThroughOsquery(plan(core.socketPath), { patienceMs: 1_000, signal: never, start }),
  ).toMatchObject({
    kind: 'failed',
    why: 'no program to run',
  });
});

test('an interrupted test ends at once', async () => {
  const core = await startFakeCore({ query: () => [] });
  const stop = new AbortController();
  const result = testThroughOsquery(plan(core.socketPath), { patienceMs: 600_000, signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  expect(await result).toMatchObject({ kind: 'skipped', why: 'it was interrupted' });
});
