import { expect, test } from 'vitest';
import { checkSchedule } from '../../../src/doctor/checks/schedule.ts';
import type { ScheduledQuery } from '../../../src/doctor/facts.ts';
import { bare, coreWith, healthy, OSQUERYD, runningCore, troubles } from '../facts.ts';

const query = (sql: string, more: Partial<ScheduledQuery> = {}): ScheduledQuery => ({
  name: 'q',
  sql,
  interval: 60,
  denylisted: false,
  ...more,
});
const scheduled = (...schedule: readonly ScheduledQuery[]) => ({
  ...healthy,
  core: { ...runningCore, schedule },
});

test('what is read, by whom, how often', () => {
  const facts = scheduled(
    query('select * from PROCESS_EVENTS', { name: 'a', interval: 10 }),
    query('SELECT p.pid FROM audit_process_events p', { interval: 300 }),
    query('SELECT 1 FROM user_events;', { name: 'u' }),
    query('SELECT * FROM time'),
  );
  expect(checkSchedule(facts)).toEqual([
    {
      check: 'schedule',
      status: 'ok',
      found:
        'in the running osquery process_events is read by 2 queries, every 10 to 300 s; user_events is read by "u", every 60 s',
      fix: null,
    },
  ]);
});

test.each(['SELECT * FROM es_process_events', 'SELECT * FROM process_events_v2', 'SELECT 1'])(
  '%s is no reader',
  sql => {
    const config = { kind: 'missing', path: '/etc/osquery/osquery.conf' } as const;
    expect(checkSchedule({ ...scheduled(query(sql)), config })).toMatchObject([
      { status: 'problem', fix: expect.stringContaining('"schedule": {') },
    ]);
  },
);

test('the file has a query that the running osquery lacks', () => {
  expect(checkSchedule(scheduled())).toMatchObject([
    { status: 'problem', found: expect.stringContaining('though /etc/osquery/osquery.conf has one') },
  ]);
});

test('a shell runs no schedule', () => {
  const processes = { names: new Map([[OSQUERYD, 'osqueryi']]), ofUsers: new Set<number>(), complete: true };
  expect(checkSchedule({ ...scheduled(), processes })).toMatchObject([
    { status: 'unknown', fix: expect.stringContaining('daemon') },
  ]);
});

test('a query that osquery has given up', () => {
  expect(
    troubles(checkSchedule(scheduled(query('SELECT * FROM user_events', { denylisted: true })))),
  ).toMatchObject([{ status: 'problem', found: expect.stringContaining('"q"') }]);
});

test('without a running osquery the configuration file counts', () => {
  const facts = { ...bare, flags: healthy.flags, config: healthy.config };
  expect(checkSchedule(facts)).toMatchObject([
    { status: 'ok', found: expect.stringContaining('in /etc/osquery/osquery.conf') },
  ]);
});

test.each([
  [{ kind: 'missing', path: '/c' }, 'there is no configuration at /c'],
  [{ kind: 'unreadable', path: '/c', why: 'permission denied' }, '/c cannot be read: permission denied'],
] as const)('no configuration: %j', (config, found) => {
  expect(checkSchedule({ ...bare, flags: healthy.flags, config })).toMatchObject([
    { status: 'unknown', found },
  ]);
});

test('a configuration that comes from elsewhere', () => {
  const core = { ...coreWith({ config_plugin: 'tls' }), schedule: undefined };
  expect(checkSchedule({ ...healthy, core })).toMatchObject([
    { status: 'unknown', found: expect.stringContaining('--config_plugin=tls') },
  ]);
});

test('files of the configuration that cannot be used', () => {
  const config = {
    ...healthy.config,
    problems: ['/etc/osquery/packs/x.conf does not exist'],
  } as typeof healthy.config;
  expect(troubles(checkSchedule({ ...healthy, config }))).toMatchObject([
    { check: 'configuration', status: 'problem', found: '/etc/osquery/packs/x.conf does not exist' },
  ]);
});

test('without osquery there is nothing to say', () => {
  expect(checkSchedule(bare)).toEqual([]);
});
