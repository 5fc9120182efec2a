import { readdirSync, readFileSync } from 'node:fs';
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditFlags, eventFlags } from '../../src/flags/audit-flags.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { customOptions } from '../../src/flags/custom-options.ts';
import { recordTypeNumbers } from '../../src/ingest/replay/record-types.ts';

interface PackQuery {
  readonly query: string;
  readonly interval: number;
  readonly description: string;
  readonly value: string;
}
interface SchemaRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly op: string;
}

const json = <T>(path: string): T =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')) as T;
const schema = json<Readonly<Record<string, readonly SchemaRow[]>>>('fixtures/osquery-5.23-columns.json');
const config = json<{ options: Record<string, unknown>; packs: Record<string, string> }>(
  'tables/packs/osquery.conf',
);

/** Of the tables that osquery.flags switches on, and of one that takes a configuration of what to watch. */
const standardPacks = [
  'process_events',
  'socket_events',
  'user_events',
  'selinux_events',
  'apparmor_events',
  'seccomp_events',
];
const packNames = [...standardPacks, 'process_file_events'];
/** Made from tables/detections, and tested there. */
const detectionPacks = ['detections', 'file_detections'];
const queries = packNames.flatMap(pack =>
  Object.entries(json<{ queries: Record<string, PackQuery> }>(`tables/packs/${pack}.conf`).queries).map(
    ([name, query]) => ({ pack, name, ...query }),
  ),
);

type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
let database: InstanceType<Sqlite['oo1']['DB']>;
beforeAll(async () => {
  const sqlite = await sqlite3InitModule();
  database = new sqlite.oo1.DB(':memory:');
  for (const table of packNames) {
    const columns = schema[table]!.filter(row => row.id === 'column').map(row => `"${row.name}" ${row.type}`);
    database.exec(`CREATE TABLE ${table} (${columns.join(', ')})`);
  }
});
afterAll(() => database.close());

/** Names of the pack's queries that return `row`. */
const matches = (pack: string, row: Readonly<Record<string, string | number>>): string[] => {
  database.exec(`DELETE FROM ${pack}`);
  const names = Object.keys(row);
  database.exec({
    sql: `INSERT INTO ${pack} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    bind: Object.values(row),
  });
  return queries
    .filter(query => query.pack === pack && database.selectArrays(query.query).length > 0)
    .map(query => query.name);
};

describe('the configuration', () => {
  test('names every pack, and nothing but packs', () => {
    const files = readdirSync(new URL('../../tables/packs/', import.meta.url)).filter(
      name => name.endsWith('.conf') && name !== 'osquery.conf',
    );
    expect(files.sort()).toEqual([...packNames, ...detectionPacks].map(name => `${name}.conf`).sort());
    expect(config.packs).toEqual(
      Object.fromEntries(
        [...standardPacks, 'detections'].map(name => [name, `/etc/osquery/packs/${name}.conf`]),
      ),
    );
  });

  test('sets options that we know, to values that fit', () => {
    const known = new Set([...auditFlags, ...eventFlags, ...customOptions].map(flag => flag.name));
    for (const name of Object.keys(config.options)) expect(known.has(name), name).toBe(true);
    const values = new Map(Object.entries(config.options).map(([name, value]) => [name, String(value)]));
    expect(readAuditSettings(values).warnings).toEqual([]);
  });
});

describe.each(queries)('$pack: $name', ({ pack, query, interval, description, value }) => {
  test('is one statement over the pack’s table, with columns named, that osquery can run', () => {
    expect(query).toMatch(new RegExp(`^SELECT [a-z_, ]+ FROM ${pack}\\b[^;]*;$`));
    expect(() => database.selectArrays(query)).not.toThrow();
  });

  test('has an interval and says what it is for', () => {
    expect(Number.isInteger(interval) && interval > 0).toBe(true);
    expect(description).toMatch(/\.$/);
    expect(value).toMatch(/\.$/);
  });
});

test('no two queries ask the same', () => {
  const where = queries.map(query => query.query.slice(query.query.indexOf(' FROM ')));
  expect(new Set(where).size).toBe(queries.length);
  expect(new Set(queries.map(query => query.description)).size).toBe(queries.length);
});

describe('process_events: each query finds what it is for', () => {
  const plain = {
    path: '/usr/bin/ls',
    cmdline: 'ls -l',
    auid: 1000,
    uid: 1000,
    euid: 1000,
    gid: 1000,
    egid: 1000,
  };
  test.each([
    [{}, []],
    [{ uid: 0, euid: 0, gid: 0, egid: 0 }, ['root_by_person']],
    [{ auid: 4294967295, uid: 0, euid: 0, gid: 0, egid: 0 }, []],
    [{ path: '/usr/bin/sudo', euid: 0 }, ['changed_privileges']],
  ])('%j', (change, expected) => {
    expect(matches('process_events', { ...plain, ...change })).toEqual(['executions', ...expected]);
  });
});

describe('socket_events: each query finds what it is for', () => {
  const plain = {
    action: 'connect',
    path: '/usr/bin/curl',
    family: 2,
    remote_address: '192.0.2.1',
    remote_port: 443,
  };
  test.each([
    [{}, ['outgoing_connections']],
    [{ remote_address: '127.0.0.53' }, []],
    [{ family: 10, remote_address: '::1' }, []],
    [{ action: 'bind', local_address: '0.0.0.0', local_port: 22 }, ['taken_ports']],
    [{ action: 'bind', local_port: 0 }, []],
    [{ action: 'accept' }, ['incoming_connections']],
  ])('%j', (change, expected) => {
    expect(matches('socket_events', { ...plain, ...change })).toEqual(expected);
  });
});

describe('user_events: each record type is told by one query', () => {
  const { USER_AUTH, USER_ACCT, USER_LOGIN, USER_LOGOUT, USER_START, USER_END, USER_CMD } = recordTypeNumbers;
  const { USER_MGMT, USER_CHAUTHTOK, ADD_USER, DEL_GROUP, GRP_CHAUTHTOK, ACCT_LOCK, ACCT_UNLOCK } =
    recordTypeNumbers;
  const { SYSTEM_BOOT, SERVICE_STOP, CRED_ACQ, MAC_CHECK } = recordTypeNumbers;
  const failed = 'op=PAM:authentication acct="root" res=failed';
  const succeeded = 'op=PAM:authentication acct="root" res=success';
  test.each([
    [USER_AUTH, failed, ['failed_authentication']],
    [USER_AUTH, succeeded, []],
    [USER_ACCT, failed, ['failed_authentication']],
    [USER_LOGIN, failed, ['failed_authentication']],
    [USER_LOGIN, succeeded, ['sessions']],
    [USER_LOGOUT, succeeded, ['sessions']],
    [USER_START, succeeded, ['sessions']],
    [USER_END, succeeded, ['sessions']],
    [USER_CMD, succeeded, ['privileged_commands']],
    [USER_MGMT, succeeded, ['account_changes']],
    [USER_CHAUTHTOK, failed, ['account_changes']],
    [ADD_USER, succeeded, ['account_changes']],
    [DEL_GROUP, succeeded, ['account_changes']],
    [GRP_CHAUTHTOK, succeeded, ['account_changes']],
    [MAC_CHECK, succeeded, []],
    [ACCT_LOCK, succeeded, ['account_changes']],
    [ACCT_UNLOCK, succeeded, ['account_changes']],
    [SYSTEM_BOOT, succeeded, ['services']],
    [SERVICE_STOP, succeeded, ['services']],
    [CRED_ACQ, succeeded, []],
  ])('%i %s', (type, message, expected) => {
    expect(matches('user_events', { type, message })).toEqual(expected);
  });
});
