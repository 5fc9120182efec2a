import { expect, test } from 'vitest';
import { checkRecordedTables } from '../../../src/doctor/checks/recorded-tables.ts';
import { bare, coreWith, healthy, troubles } from '../facts.ts';

const off = {
  audit_allow_process_events: 'false',
  audit_allow_sockets: 'false',
  audit_allow_user_events: 'false',
};

test('tables that are switched on are in order', () => {
  expect(checkRecordedTables(healthy).map(({ status }) => status)).toEqual(Array(7).fill('ok'));
});

test('a table that nobody reads may be switched off', () => {
  expect(
    troubles(checkRecordedTables({ ...healthy, core: coreWith({ audit_allow_sockets: 'false' }) })),
  ).toEqual([]);
});

test('a query that reads a table without events is named', () => {
  const core = {
    ...coreWith({ audit_allow_sockets: 'false' }),
    schedule: [{ name: 'net', sql: 'SELECT * FROM audit_socket_events', interval: 5, denylisted: false }],
  };
  expect(troubles(checkRecordedTables({ ...healthy, core }))).toEqual([
    {
      check: '--audit_allow_sockets',
      status: 'problem',
      found: 'false: socket_events stays empty, and the query "net" reads it',
      fix: 'put --audit_allow_sockets=true into /etc/osquery/osquery.flags and restart osqueryd',
    },
  ]);
});

test('everything switched off is a problem even if nobody reads', () => {
  const core = { ...coreWith(off), schedule: [] };
  expect(troubles(checkRecordedTables({ ...healthy, core }))).toMatchObject([
    { check: '--audit_allow_process_events', found: expect.stringContaining('nothing is recorded') },
  ]);
});

test('without osquery there is nothing to say', () => {
  expect(checkRecordedTables(bare)).toEqual([]);
});
