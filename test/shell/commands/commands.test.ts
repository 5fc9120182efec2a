import { describe, expect, test } from 'vitest';
import { addCall, describeCalls } from '../../../src/shell/commands/explain.ts';
import { parsePid } from '../../../src/shell/commands/tree.ts';
import { parseWatch } from '../../../src/shell/commands/watch.ts';
import type { Session } from '../../../src/shell/session.ts';
import { column, FakeTable, PATIENCE, startCore, startExtension } from '../../core/support.ts';
import { openSession } from '../open-session.ts';

const command = (session: Session, text: string) => session.handle({ kind: 'command', text, line: 1 });

/** A table of events with one more row at each look. */
const growing = () => {
  const rows: Record<string, string>[] = [];
  return new FakeTable(
    'events',
    [
      column('eid', 'TEXT', 16),
      column('time', 'BIGINT', 4),
      column('name', 'TEXT'),
      { id: 'alias', alias: 'same_events' },
    ],
    () => {
      rows.push({ eid: String(rows.length), time: '1796095145', name: `row ${rows.length}` });
      return rows;
    },
  );
};

describe('.watch', () => {
  test('what it takes', () => {
    expect(parseWatch('SELECT 1')).toEqual({ seconds: 2, text: 'SELECT 1' });
    expect(parseWatch('0.5 SELECT 1;')).toEqual({ seconds: 0.5, text: 'SELECT 1;' });
    expect(parseWatch('3 .tree 1')).toEqual({ seconds: 3, text: '.tree 1' });
    for (const text of [
      '',
      '5',
      '0 SELECT 1',
      '-1 SELECT 1',
      '1.2.3 SELECT 1',
      '99999999 SELECT 1',
      '1 .watch 2 SELECT 1',
    ])
      expect(parseWatch(text), text).toMatch(/^expected /);
  });

  test('runs a statement again and again, until it is interrupted', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [growing()]);
    const { session, out, errors } = openSession(started);
    const watching = command(session, '.watch 0.1 SELECT max(name) FROM events');
    await expect.poll(out, PATIENCE).toContain('row 2\n');
    expect(out()).toMatch(/^Every 0\.1 s, at \d{4}-.*Z: SELECT max\(name\) FROM events\nrow 0\nEvery /);
    expect(session.busy).toBe(true);
    session.interrupt();
    expect(await watching).toBe('interrupted');
    expect(session.busy).toBe(false);
    expect(errors()).toMatch(/^(?:Interrupted\.\n)?$/);
  });

  test('ends at an error, and says how it is used', async () => {
    await using started = await startCore();
    const { session, errors } = openSession(started);
    expect(await command(session, '.watch 1 SELECT nope')).toBe('failed');
    expect(await command(session, '.watch')).toBe('failed');
    expect(errors()).toBe(
      'Error: no such column: nope; .schema TABLE shows the columns\n' +
        'Error: .watch: expected a statement, as in .watch 2 SELECT count(*) FROM process_events\n',
    );
  });
});

describe('.tail', () => {
  test('rows as they come, also by an alias, until it is interrupted', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [growing()]);
    const { session, out, errors } = openSession(started);
    const following = command(session, ".tail same_events name, time WHERE name <> 'row 1';");
    await expect.poll(out, PATIENCE).toContain('row 3|1796095145\n');
    session.interrupt();
    expect(await following).toBe('interrupted');
    expect(errors()).toBe('');
    expect(out()).toMatch(/^row 0\|1796095145\nrow 2\|/);
  });

  test('says what is wrong', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [growing()]);
    const { session, errors } = openSession(started);
    for (const text of ['', 'a b c', 'nowhere', 'time', 'events WHERE nope = 1'])
      expect(await command(session, `.tail ${text}`)).toBe('failed');
    expect(errors().split('\n')).toEqual([
      expect.stringContaining('.tail: expected a table'),
      expect.stringContaining('.tail: expected a table'),
      'Error: no such table: nowhere; .tables shows those there are',
      expect.stringContaining('.tail: time holds no events'),
      'Error: no such column: nope; .schema TABLE shows the columns',
      '',
    ]);
  });
});

describe('.explain', () => {
  test('says what was asked of each table, and how many rows came', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [growing()]);
    const { session, out } = openSession(started);
    expect(
      await command(session, ".explain SELECT name FROM events WHERE time > 5 AND name = 'x' ORDER BY name;"),
    ).toBe('done');
    expect(
      out()
        .replaceAll(/\d+\.\d ms/g, 'N ms')
        .split('\n'),
    ).toEqual([
      expect.stringMatching(/^plan: SCAN events VIRTUAL TABLE/),
      ...(out().includes('B-TREE') ? ['plan: USE TEMP B-TREE FOR ORDER BY'] : []),
      'events: asked once for 2 columns: time, name',
      '  pushed down: name = x AND time > 5',
      expect.stringMatching(/^ {2}rows looked at: 1 \(\d+ bytes, N ms\)$/),
      'result: 0 rows in N ms',
      '',
    ]);
  });

  test('says what is wrong, and leaves the session as it was', async () => {
    await using started = await startCore();
    const { session, out, errors } = openSession(started);
    expect(await command(session, '.explain')).toBe('failed');
    expect(await command(session, '.explain SELECT * FROM nowhere')).toBe('failed');
    expect(errors()).toContain('no such table: nowhere');
    await session.execute('SELECT 1');
    expect(out()).toBe('1\n');
  });

  test('calls that differ only in values are one', () => {
    const asked: Parameters<typeof addCall>[0] = new Map();
    const call = (expr: string, rows: number) => ({
      table: 't',
      context: JSON.stringify({
        constraints: [
          { name: 'a', list: [{ op: 2, expr }] },
          { name: 'b', list: [{ op: 99, expr: 'y' }] },
        ],
        colsUsed: ['a'],
      }),
      rows,
      bytes: 10,
      milliseconds: 1,
    });
    addCall(asked, call('1', 3));
    addCall(asked, call('2', 4));
    addCall(asked, { ...call('', 2), context: '{}' });
    expect(describeCalls(asked.values())).toEqual([
      't: asked 2 times for 1 column: a',
      '  pushed down: a = 1 AND b operator 99 y (and other values)',
      '  rows looked at: 7 (20 bytes, 2.0 ms)',
      't: asked once for no column, only the number of rows',
      '  pushed down: nothing',
      '  rows looked at: 2 (10 bytes, 1.0 ms)',
    ]);
  });
});

describe('.tree', () => {
  const events = new FakeTable(
    'process_events',
    ['eid', 'time', 'pid', 'parent', 'uid', 'path', 'cmdline', 'syscall'].map(name => column(name, 'TEXT')),
    () => [
      {
        eid: '1',
        time: '1796095145',
        pid: '5',
        parent: '1',
        uid: '0',
        path: '/bin/sh',
        cmdline: 'sh',
        syscall: 'execve',
      },
      {
        eid: '2',
        time: '1796095145',
        pid: '6',
        parent: '5',
        uid: '0',
        path: '/bin/ls',
        cmdline: 'ls',
        syscall: 'execve',
      },
    ],
  );

  test('draws what is recorded, or the surroundings of one process', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [events]);
    const { session, out, errors } = openSession(started);
    expect(await command(session, '.tree')).toBe('done');
    const tree = [
      '1  (not recorded)',
      '└─ 5  2026-12-01T03:19:05Z  uid 0  sh',
      '   └─ 6  2026-12-01T03:19:05Z  uid 0  ls',
      '',
    ].join('\n');
    expect(out()).toBe(tree);
    expect(await command(session, '.tree 6')).toBe('done');
    expect(out()).toBe(tree + tree);
    expect(await command(session, '.tree 7')).toBe('failed');
    expect(await command(session, '.tree x')).toBe('failed');
    expect(errors()).toBe(
      'Error: .tree: no recorded event is of process 7\nError: .tree: expected the id of a process, got "x"\n',
    );
  });

  test('without the table', async () => {
    await using started = await startCore();
    const { session, errors } = openSession(started);
    expect(await command(session, '.tree')).toBe('failed');
    expect(errors()).toContain('no such table: process_events');
  });

  test('pids', () => {
    expect(parsePid('42')).toBe(42);
    for (const text of ['', '-1', '1.5', 'x', '99999999999']) expect(parsePid(text)).toBeUndefined();
  });
});
