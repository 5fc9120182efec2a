import { readFileSync } from 'node:fs';
import type { PluginRow, TableSpec } from 'osquery-extension-ts';
import { columnRoutes } from 'osquery-extension-ts/protocol';
import { describe, expect, test } from 'vitest';
import type { EventTable } from '../../src/events/event-table.ts';
import { eventTables, eventTablesOn } from '../../tables/index.ts';
import { replayRows } from '../replay-rows.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const osqueryRoutes: Readonly<Record<string, readonly PluginRow[]>> = JSON.parse(
  readFileSync(fixture('osquery-5.23-columns.json'), 'utf8'),
);

const specOf = (tables: readonly EventTable[], name: string): TableSpec => {
  const table = tables.find(({ spec }) => spec.name === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table.spec;
};
const linux = (name: string): TableSpec => specOf(eventTablesOn('linux'), name);
const darwin = (name: string): TableSpec => specOf(eventTablesOn('darwin'), name);
const names = ({ columns }: TableSpec): readonly string[] => columns.map(({ name }) => name);
const visible = ({ columns }: TableSpec): readonly string[] =>
  columns.filter(({ options }) => options?.hidden !== true).map(({ name }) => name);

test('the tables are those of the platform that this runs on', () => {
  expect(eventTables).toEqual(eventTablesOn(process.platform));
});

describe.each(['process_events', 'socket_events', 'user_events'])('%s', name => {
  test('has the columns of osquery on Linux, and then its own, all of them hidden', () => {
    const columns = columnRoutes(linux(name)).filter(({ id }) => id === 'column');
    const standard = osqueryRoutes[name]!.filter(({ id }) => id === 'column');
    expect(columns.slice(0, standard.length)).toEqual(standard);
    expect(visible(linux(name))).toEqual(
      standard.filter(({ op }) => (Number(op) & 16) === 0).map(column => column.name),
    );
  });

  test('differs on macOS by nothing but columns', () => {
    expect({ ...darwin(name), columns: [] }).toEqual({ ...linux(name), columns: [] });
  });
});

describe('on macOS', () => {
  test('what only Linux has is not there', () => {
    expect(eventTablesOn('darwin').map(({ spec }) => spec.name)).toEqual([
      'process_events',
      'socket_events',
      'user_events',
    ]);
  });

  test('process_events shows status and lacks what only Linux has', () => {
    expect(visible(darwin('process_events'))).toEqual(
      (
        'pid path mode cmdline cwd auid uid euid gid egid owner_uid owner_gid atime mtime ctime btime ' +
        'parent time uptime status'
      ).split(' '),
    );
    const linuxOnly = ['fsuid', 'suid', 'fsgid', 'sgid', 'syscall'];
    expect(names(darwin('process_events'))).toEqual(
      names(linux('process_events')).filter(name => !linuxOnly.includes(name)),
    );
    const status = columnRoutes(darwin('process_events')).find(({ name }) => name === 'status');
    expect(status).toEqual({ id: 'column', name: 'status', type: 'BIGINT', op: '0' });
  });

  test('socket_events lacks the status that only Linux has', () => {
    expect(names(darwin('socket_events'))).toEqual(
      names(linux('socket_events')).filter(name => name !== 'status'),
    );
  });

  test('user_events is the same', () => {
    expect(darwin('user_events')).toEqual(linux('user_events'));
  });
});

describe('rows of a trail', () => {
  const trail = fixture('openbsm/processes.trail');

  test.each(['darwin', 'linux'] as const)('have the errno of failed execs on %s', async platform => {
    const { process_events } = await replayRows(trail, eventTablesOn(platform));
    const statusOf = (path: string) =>
      process_events!.filter(row => row.path === path).map(row => row.status);
    expect(statusOf('/usr/bin/missing')).toEqual(['2']);
    expect(statusOf('/usr/bin/locked')).toEqual(['11']);
    expect(statusOf('/usr/bin/id')).toEqual(['0']);
  });

  test('have -1 for a parent that nobody saw', async () => {
    const { process_events } = await replayRows(trail);
    expect(process_events!.filter(row => row.path === '/bin/after').map(row => row.parent)).toEqual(['-1']);
  });

  test('have no column on macOS that is not there', async () => {
    const rows = await replayRows(fixture('openbsm/sockets.trail'), eventTablesOn('darwin'));
    const keys = new Set(rows.socket_events!.flatMap(row => Object.keys(row)));
    expect([...keys].filter(key => !names(darwin('socket_events')).includes(key))).toEqual([]);
    expect(keys.has('success')).toBe(true);
  });

  test('say sendto of a datagram', async () => {
    const { socket_events } = await replayRows(fixture('openbsm/sockets.trail'));
    expect(socket_events!.filter(row => row.action === 'sendto')).toMatchObject([
      { remote_address: '192.0.2.53', remote_port: '53', status: 'succeeded', exit: '31' },
    ]);
  });
});

test('rows of Linux have no status', async () => {
  const { process_events } = await replayRows(fixture('exec.log'));
  expect(process_events!.length).toBeGreaterThan(0);
  expect(process_events!.filter(row => 'status' in row)).toEqual([]);
});
