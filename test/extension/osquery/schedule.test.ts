import type { ExtensionManagerClient, PluginRow } from 'osquery-extension-ts';
import { expect, test } from 'vitest';
import { Schedule } from '../../../src/extension/osquery/schedule.ts';

const scheduleOf = async (rows: PluginRow[]): Promise<Schedule> => {
  const schedule = new Schedule({
    query: async () => rows,
    call: async () => [],
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
