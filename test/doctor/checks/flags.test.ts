import { expect, test } from 'vitest';
import { checkFlags } from '../../../src/doctor/checks/flags.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { bare, coreWith, healthy, rightFlags, runningCore, troubles } from '../facts.ts';

const FILE = '/etc/osquery/osquery.flags';

/** Only a flagfile: osquery does not run. */
const fileWith = (values: Readonly<Record<string, string>>): Facts => ({
  ...bare,
  flags: {
    kind: 'file',
    path: FILE,
    values: new Map([...rightFlags, ...Object.entries(values)]),
    problems: [],
  },
});

const running = (options: Readonly<Record<string, string>>): Facts => ({
  ...healthy,
  core: coreWith(options),
  flags: { kind: 'missing', path: FILE },
});

const wrongValues: readonly (readonly [flag: string, value: string, line: string])[] = [
  ['disable_extensions', 'true', '--disable_extensions=false'],
  ['extensions_require', 'other', '--extensions_require=other,osquery-audit-events'],
  ['disable_events', 'true', '--disable_events=false'],
  ['disable_audit', 'false', '--disable_audit=true'],
  ['disable_tables', '', '--disable_tables=process_events,socket_events,user_events'],
  ['disable_tables', 'process_events', '--disable_tables=process_events,socket_events,user_events'],
  [
    'disable_tables',
    'curl, process_events',
    '--disable_tables=curl,process_events,socket_events,user_events',
  ],
  [
    'enable_tables',
    'time,audit_user_events',
    '--enable_tables=time,audit_user_events,Process_events,Socket_events,osquery_registry,osquery_schedule',
  ],
  ['audit_allow_config', 'false', '--audit_allow_config=true'],
  ['audit_persist', 'false', '--audit_persist=true'],
  ['events_optimize', 'false', '--events_optimize=true'],
  ['events_expiry', '10', '--events_expiry=86000'],
  ['events_max', '0', '--events_max=50000'],
  ['enable_numeric_monitoring', 'true', '--enable_numeric_monitoring=false'],
];

test('right flags are in order, in the file and where osquery runs', () => {
  expect(troubles(checkFlags(healthy))).toEqual([]);
  expect(troubles(checkFlags(fileWith({})))).toEqual([]);
});

test('names that --enable_tables leaves out are not in the way, and one name of a table in it is enough', () => {
  const enable_tables =
    'audit_process_events,Socket_events,User_events,osquery_registry,osquery_schedule,time';
  expect(troubles(checkFlags(fileWith({ disable_tables: '', enable_tables })))).toEqual([]);
});

test.each(wrongValues)('--%s=%s in the flagfile', (flag, value, line) => {
  expect(troubles(checkFlags(fileWith({ [flag]: value })))).toEqual([
    {
      check: `--${flag}`,
      status: 'problem',
      found: expect.stringContaining(`in ${FILE}: `),
      fix: `put ${line} into ${FILE} and restart osqueryd`,
    },
  ]);
});

test.each(wrongValues)('--%s=%s in the running osquery', (flag, value, line) => {
  expect(troubles(checkFlags(running({ [flag]: value })))).toEqual([
    {
      check: 'flagfile',
      status: 'unknown',
      found: expect.any(String),
      fix: expect.stringContaining('--flagfile'),
    },
    {
      check: `--${flag}`,
      status: 'problem',
      found: expect.stringContaining('in the running osquery: '),
      fix: `put ${line} into ${FILE} and restart osqueryd`,
    },
  ]);
});

test.each(['0', '1', '60', '86000'])('events_expiry %s is in order', value => {
  expect(troubles(checkFlags(fileWith({ events_expiry: value })))).toEqual([]);
});

test('what an empty flagfile leaves at its default', () => {
  const flags = { kind: 'file', path: FILE, values: new Map(), problems: [] } as const;
  expect(
    troubles(checkFlags({ ...bare, flags })).map(({ check, found }) => [check, found.split(':')[0]]),
  ).toEqual([
    ['--extensions_require', 'empty by default'],
    ['--disable_tables', 'empty by default'],
    ['--audit_allow_config', 'false by default'],
  ]);
});

test('the file is right but osquery was not restarted', () => {
  const facts = { ...healthy, core: coreWith({ disable_audit: 'false' }) };
  expect(troubles(checkFlags(facts))).toEqual([
    {
      check: '--disable_audit',
      status: 'problem',
      found: expect.stringMatching(
        /^false in the running osquery: .*; \/etc\/osquery\/osquery\.flags says true$/,
      ),
      fix: expect.stringContaining('restart osqueryd with this file'),
    },
  ]);
});

test('osquery runs right but the file says otherwise', () => {
  const facts = { ...fileWith({ disable_audit: 'false' }), core: runningCore };
  expect(troubles(checkFlags(facts))).toMatchObject([
    {
      check: '--disable_audit',
      status: 'problem',
      found: expect.stringContaining('counts from the next start'),
    },
  ]);
});

test('a flag that the running osquery does not tell', () => {
  const options = new Map(rightFlags);
  options.delete('enable_numeric_monitoring');
  const facts = { ...running({}), core: { ...runningCore, options } };
  expect(troubles(checkFlags(facts)).map(({ check, status }) => [check, status])).toEqual([
    ['flagfile', 'unknown'],
    ['--enable_numeric_monitoring', 'unknown'],
  ]);
});

test('the options of the configuration win over the flagfile, but not over what is read before them', () => {
  const options = new Map([
    ['disable_audit', 'false'],
    ['disable_tables', ''],
  ]);
  const config = {
    kind: 'read',
    path: '/etc/osquery/osquery.conf',
    options,
    queries: [],
    filePaths: 0,
    problems: [],
  } as const;
  expect(troubles(checkFlags({ ...fileWith({}), config }))).toMatchObject([
    { check: '--disable_audit', found: expect.stringContaining('in /etc/osquery/osquery.conf ("options")') },
  ]);
});

test('names that core leaves free need not be in disable_tables', () => {
  const core = {
    ...coreWith({ disable_tables: 'socket_events' }),
    tables: [
      { name: 'process_events', native: false },
      { name: 'socket_events', native: true },
    ],
  };
  expect(
    troubles(
      checkFlags({
        ...healthy,
        core,
        flags: { kind: 'given', values: new Map([['disable_tables', 'socket_events']]) },
      }),
    ).filter(({ check }) => check === '--disable_tables'),
  ).toEqual([]);
});

test('lines of a flagfile that mean nothing are named one by one', () => {
  const problems = ['line 3: unknown flag --audit_alow_config', 'line 5 is not a flag: "x"'];
  const flags = { kind: 'file', path: FILE, values: rightFlags, problems } as const;
  expect(troubles(checkFlags({ ...healthy, flags }))).toMatchObject([
    { check: 'flagfile', status: 'problem', found: `${FILE}, ${problems[0]}` },
    { check: 'flagfile', status: 'problem', found: `${FILE}, ${problems[1]}` },
  ]);
});

test('a configuration without flags, and flags that may not be read', () => {
  const config = healthy.config;
  expect(checkFlags({ ...bare, config })).toMatchObject([{ check: 'flagfile', status: 'problem' }]);
  const flags = { kind: 'unreadable', path: FILE, why: 'permission denied' } as const;
  expect(checkFlags({ ...bare, flags })).toMatchObject([
    { check: 'flagfile', status: 'unknown', found: `${FILE} cannot be read: permission denied` },
  ]);
});

test('options of ours that are malformed or unknown', () => {
  const core = coreWith({ custom_audit_buffer_bytes: 'lots', custom_audit_moed: 'auto' });
  expect(troubles(checkFlags({ ...healthy, core }))).toMatchObject([
    { status: 'problem', found: expect.stringContaining('custom_audit_buffer_bytes') },
    { status: 'problem', found: expect.stringContaining('did you mean custom_audit_mode?') },
  ]);
});

test('nothing is said about flags where there is no osquery', () => {
  expect(checkFlags(bare)).toEqual([]);
});
