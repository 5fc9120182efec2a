import { readFileSync } from 'node:fs';
import type { PluginRow } from 'osquery-extension-ts';
import { columnRoutes } from 'osquery-extension-ts/protocol';
import { describe, expect, it } from 'vitest';
import { eventTablesOn } from '../../tables/index.ts';

/** What osqueryd 5.23 answers to `columns` of its own tables on Linux. */
const osquery: Readonly<Record<string, readonly PluginRow[]>> = JSON.parse(
  readFileSync(new URL('../../fixtures/osquery-5.23-columns.json', import.meta.url), 'utf8'),
);
const HIDDEN = '16';
/** Core's answer is made of sorted maps. */
const bytes = (routes: readonly PluginRow[]): string =>
  JSON.stringify(routes.map(route => Object.entries(route).sort()));

/** What queries of others may rest on; there may be more. */
const OWN_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  process_events: [
    'argv',
    'comm',
    'exe',
    'tty',
    'ses',
    'ppid',
    'exit',
    'audit_id',
    'source',
    'node',
    'target_pid',
    'target_path',
    'signal',
  ],
  socket_events: ['exit', 'audit_id', 'source', 'node'],
  user_events: ['acct', 'hostname', 'res', 'op', 'command'],
  selinux_events: ['audit_id', 'node'],
  apparmor_events: ['audit_id', 'node'],
  seccomp_events: ['eid', 'audit_id', 'node'],
  process_file_events: ['category', 'syscall', 'inode', 'audit_id', 'node'],
};

describe.each([...eventTablesOn('linux')])('$spec.name', ({ spec, osqueryColumns }) => {
  const ours = columnRoutes(spec);
  const theirs = osquery[spec.name]!;
  const columns = (routes: readonly PluginRow[]): PluginRow[] => routes.filter(({ id }) => id === 'column');
  const others = (routes: readonly PluginRow[]): PluginRow[] => routes.filter(({ id }) => id !== 'column');

  it('has osquery’s columns first, byte for byte', () => {
    const first = columns(ours).slice(0, columns(theirs).length);
    expect(bytes(first)).toBe(bytes(columns(theirs)));
    expect(osqueryColumns).toBe(columns(theirs).length);
  });

  it('has its own columns behind them, all hidden', () => {
    const own = columns(ours).slice(columns(theirs).length);
    expect(own.map(({ name }) => name)).toEqual(expect.arrayContaining([...OWN_COLUMNS[spec.name]!]));
    for (const column of own) expect(column.op).toBe(HIDDEN);
  });

  it('has osquery’s column aliases and attributes, byte for byte', () => {
    expect(bytes(others(ours))).toBe(bytes(others(theirs)));
  });

  it('has a bit for every column in a row’s mask', () => {
    expect(spec.columns.length).toBeLessThanOrEqual(64);
  });

  it('has the columns every table of events needs', () => {
    for (const name of ['time', 'eid', 'uptime'])
      expect(spec.columns.map(column => column.name)).toContain(name);
  });
});
