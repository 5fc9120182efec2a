import { expect, test } from 'vitest';
import { checkRecordedTables } from '../../../src/doctor/checks/recorded-tables.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { bare, coreWith, healthy, troubles } from '../facts.ts';

const off = {
  audit_allow_process_events: 'false',
  audit_allow_sockets: 'false',
  audit_allow_user_events: 'false',
};

test('tables that are switched on are in order', () => {
  expect(checkRecordedTables(healthy).map(({ status }) => status)).toEqual(Array(7).fill('ok'));
});

const found = (flag: string, changes: Partial<Facts>) =>
  checkRecordedTables({ ...healthy, core: coreWith({ [flag]: 'true' }), ...changes }).find(
    ({ check }) => check === `--${flag}`,
  );

test.each([
  ['audit_allow_selinux_events', 'SELinux'],
  ['audit_allow_apparmor_events', 'AppArmor'],
])('%s on a kernel that has none of it is in order, and said', (flag, name) => {
  const security = { ...healthy.security, modules: ['capability', 'yama'] };
  expect(found(flag, { security })).toMatchObject({
    status: 'ok',
    found: expect.stringContaining(`this kernel runs without ${name}`),
  });
  for (const modules of [healthy.security.modules, undefined])
    expect(found(flag, { security: { ...security, modules } })?.found).toMatch(/has events$/);
});

test('filters of which the kernel logs nothing are a problem where their table is on', () => {
  const flag = 'audit_allow_seccomp_events';
  const security = { ...healthy.security, loggedActions: [] };
  expect(found(flag, { security })).toMatchObject({
    status: 'problem',
    fix: expect.stringContaining('kernel.seccomp.actions_logged'),
  });
  expect(found(flag, {})).toMatchObject({ status: 'ok' });
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
