import { expect, test } from 'vitest';
import { checkOsquery } from '../../../src/doctor/checks/osquery.ts';
import { PROGRAM } from '../../../src/runtime/program-name.ts';
import { bare, EXTENSION, healthy, OSQUERYD, runningCore, troubles } from '../facts.ts';

test('a running osquery with the extension is in order', () => {
  expect(checkOsquery(healthy)).toEqual([
    {
      check: 'osquery',
      status: 'ok',
      found: 'osquery 5.23.0, pid 700, answers at /var/osquery/osquery.em',
      fix: null,
    },
    { check: 'extension', status: 'ok', found: 'osquery-audit-events 0.1.0 is registered', fix: null },
  ]);
});

test('tables by their names in another case, or with the prefix, are there', () => {
  const tables = [
    ...['process_events', 'socket_events', 'user_events'].map(name => ({ name, native: true })),
    { name: 'Process_events', native: false },
    { name: 'audit_socket_events', native: false },
  ];
  expect(troubles(checkOsquery({ ...healthy, core: { ...runningCore, tables } }))).toMatchObject([
    { check: 'extension', found: expect.stringMatching(/is registered without user_events$/) },
  ]);
});

test('a host without osquery is told what is missing', () => {
  expect(checkOsquery(bare)).toMatchObject([
    { check: 'osquery', status: 'problem', found: expect.stringContaining('not set up here') },
  ]);
});

test('osqueryd that runs without a socket at the usual place is named', () => {
  const processes = { names: new Map([[OSQUERYD, 'osqueryd']]), ofUsers: new Set<number>(), complete: true };
  expect(checkOsquery({ ...bare, processes })).toMatchObject([
    {
      status: 'unknown',
      found: expect.stringContaining('osqueryd, pid 700 runs'),
      fix: expect.stringContaining('--socket'),
    },
  ]);
});

test('flags without a running osquery: unknown, not a problem', () => {
  expect(checkOsquery({ ...bare, flags: healthy.flags })).toMatchObject([{ status: 'unknown' }]);
});

test.each([
  [false, 'problem', 'start osqueryd'],
  [true, 'unknown', 'as the user that osquery runs as'],
] as const)('a socket that does not answer, denied: %s', (denied, status, fix) => {
  const core = { kind: 'unreachable', path: '/x/em', why: 'because', denied } as const;
  expect(checkOsquery({ ...healthy, core })).toEqual([
    {
      check: 'osquery',
      status,
      found: expect.stringContaining('because'),
      fix: expect.stringContaining(fix),
    },
  ]);
});

test('an invalid configuration', () => {
  const core = { ...runningCore, configValid: false };
  expect(troubles(checkOsquery({ ...healthy, core }))).toMatchObject([
    { check: 'osquery', status: 'problem', fix: expect.stringContaining('--config_check') },
  ]);
});

test('an extension that is not registered, running or not', () => {
  const core = { ...runningCore, extensions: new Map() };
  expect(troubles(checkOsquery({ ...healthy, core }))).toMatchObject([
    {
      check: 'extension',
      status: 'problem',
      found: `${PROGRAM} runs as pid ${EXTENSION}, but is not registered with this osquery`,
    },
  ]);
  const processes = { names: new Map([[1, 'systemd']]), ofUsers: new Set<number>(), complete: true };
  expect(troubles(checkOsquery({ ...healthy, core, processes }))).toMatchObject([
    { check: 'extension', status: 'problem', found: `${PROGRAM} is not registered with this osquery` },
  ]);
});

test('an extension that lacks a table', () => {
  const tables = runningCore.tables!.filter(({ name }) => name !== 'audit_socket_events');
  expect(troubles(checkOsquery({ ...healthy, core: { ...runningCore, tables } }))).toMatchObject([
    { check: 'extension', status: 'problem', found: expect.stringContaining('without socket_events') },
  ]);
});

test('what osquery does not tell is not complained about', () => {
  const core = {
    ...runningCore,
    tables: undefined,
    version: undefined,
    pid: undefined,
    configValid: undefined,
  };
  expect(troubles(checkOsquery({ ...healthy, core }))).toEqual([]);
});
