import { type ExtensionManagerClient, OsqueryStatusError, type PluginRow } from 'osquery-extension-ts';
import { Schedule } from 'osquery-extension-ts/events';
import { describe, expect, test } from 'vitest';

const scheduleOf = async (rows: PluginRow[]): Promise<Schedule> => {
  const schedule = new Schedule({
    query: async () => rows,
    database: { scan: async () => [], getAll: async () => [] },
  } as unknown as ExtensionManagerClient);
  await schedule.refresh();
  return schedule;
};

test('readers are the queries that name a table, by any of its names', async () => {
  const schedule = await scheduleOf([
    { name: 'plain', query: 'SELECT * FROM Process_Events', interval: '10' },
    { name: 'alias', query: 'select 1 from "audit_process_events" a', interval: '20' },
    { name: 'other', query: 'SELECT * FROM socket_events', interval: '30' },
    { name: 'longer name', query: 'SELECT * FROM es_process_events', interval: '40' },
    { name: 'another longer name', query: 'SELECT * FROM process_events_2', interval: '50' },
  ]);
  expect(schedule.readersOf(['Process_events', 'audit_process_events'])).toEqual([
    { query: 'plain', interval: 10 },
    { query: 'alias', interval: 20 },
  ]);
});

test('an interval that is no number counts as none', async () => {
  const schedule = await scheduleOf([{ name: 'a', query: 'select 1 from t', interval: '' }]);
  expect(schedule.readersOf(['t'])).toEqual([{ query: 'a', interval: 0 }]);
});

test('names are compared without case, as SQL does', async () => {
  const schedule = await scheduleOf([{ name: 'a', query: 'select pid from PROCESS_events', interval: '5' }]);
  expect(schedule.readersOf(['Process_events'])).toEqual([{ query: 'a', interval: 5 }]);
});

describe('a query can be the one that reads', () => {
  const columns = new Set(['pid', 'path']);
  test.each([
    ['select path, pid from t', true],
    ['select path from t where pid = 1', true],
    ['select path from t', false],
    ['select pid, paths from t', false],
    ['select * from t', true],
    ['select count(*) from t', true],
    ['select 1 from t natural join u', true],
    ['select path, pid from u', false],
  ])('%s: %s', async (sql, can) => {
    const schedule = await scheduleOf([{ name: 'q', query: sql, interval: '5' }]);
    expect(schedule.canRead('q', ['t'], columns)).toBe(can);
    expect(schedule.canRead('other', ['t'], columns)).toBe(false);
  });

  test('any, of columns that core does not tell', async () => {
    const schedule = await scheduleOf([{ name: 'q', query: 'select 1 from t', interval: '5' }]);
    expect(schedule.canRead('q', ['t'], undefined)).toBe(true);
  });
});

describe('an empty schedule', () => {
  const lookAt = async (configValid: string | undefined, milliseconds: number): Promise<Schedule> => {
    let now = 0;
    const client = {
      query: async (sql: string) => {
        if (sql.includes('osquery_schedule')) return [];
        if (configValid === undefined) throw new OsqueryStatusError({ code: 1, message: 'no such column' });
        return [{ config_valid: configValid }];
      },
      database: { scan: async () => [], getAll: async () => [] },
    };
    const schedule = new Schedule(client as unknown as ExtensionManagerClient, () => now);
    await schedule.refresh();
    now = milliseconds;
    await schedule.refresh();
    return schedule;
  };

  test('is none yet while core has no configuration', async () => {
    const schedule = await lookAt('0', 5_000);
    expect(schedule.isKnown).toBe(false);
    expect(schedule.readersOf(['t'])).toBeUndefined();
  });

  test.each([
    ['core has a valid one', '1', 0],
    ['it has had its time', '0', 10_000],
    ['core does not say', undefined, 0],
  ])('is believed where %s', async (_, valid, milliseconds) => {
    expect((await lookAt(valid, milliseconds)).readersOf(['t'])).toEqual([]);
  });
});
