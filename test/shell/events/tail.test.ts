import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../../src/runtime/terminal/style.ts';
import { tail } from '../../../src/shell/events/tail.ts';
import { tailColumns, tailPrinter } from '../../../src/shell/events/tail-printer.ts';
import { parseTail, summaryColumns } from '../../../src/shell/events/tail-request.ts';
import type { PrintSettings } from '../../../src/shell/output/print-settings.ts';
import { coreSource } from '../../../src/shell/sql-source.ts';
import { eventTables } from '../../../tables/index.ts';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { PATIENCE, startCore } from '../../core/support.ts';

describe('parseTail', () => {
  test('a table, columns, a WHERE', () => {
    expect(parseTail('t')).toEqual({ table: 't', columns: [], where: '' });
    expect(parseTail(' t a , b;')).toEqual({ table: 't', columns: ['a', 'b'], where: '' });
    expect(parseTail("t WHERE a = 'x;' AND b")).toEqual({ table: 't', columns: [], where: "a = 'x;' AND b" });
    expect(parseTail('t a\nwhere\n b > 1\n;')).toEqual({ table: 't', columns: ['a'], where: 'b > 1' });
    for (const text of ['', 't;u', 't WHERE', 't a b', 't, u', '"t"', 't a, WHERE x'])
      expect(parseTail(text), text).toBeUndefined();
  });
});

test('the columns of every summary exist', () => {
  for (const { name, columns } of [...eventTables.map(({ spec }) => spec), processTelemetryEvents.spec]) {
    const names = columns.map(column => column.name);
    expect(summaryColumns(name), name).toBeDefined();
    expect(names).toEqual(expect.arrayContaining([...summaryColumns(name)!]));
    expect(summaryColumns(`audit_${name}`)).toBe(summaryColumns(name));
  }
  expect(summaryColumns('other')).toBeUndefined();
});

/** A table of SQLite's own with a number for each row, as event tables have one. */
const startEvents = async () => {
  const started = await startCore();
  const { core } = started;
  // One after the other: a statement that comes while another one runs gets a database of its own.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
  const run = (sql: string) => inTurn(() => core.run(sql, { primary: true }));
  await run('CREATE TABLE events(eid TEXT, name TEXT, size INTEGER)');
  const source = {
    query: (sql: string) => inTurn(async () => (await core.query(sql)).rows),
    columns: (sql: string) => inTurn(() => core.columns(sql)),
  };
  const insert = (eid: number, name: string) =>
    run(`INSERT INTO events VALUES('${String(eid).padStart(10, '0')}', '${name}', ${eid})`);
  return { started, source, insert, run };
};

describe('tail', () => {
  const follow = (
    source: Parameters<typeof tail>[0]['source'],
    { last = 2, where = '' }: { readonly last?: number; readonly where?: string } = {},
  ) => {
    const abort = new AbortController();
    const seen: string[] = [];
    const ended = tail({
      source,
      request: { table: 'events', columns: [], where },
      columns: ['name', 'size'],
      last,
      signal: abort.signal,
      lookMs: 1,
      onRows: async rows => void seen.push(...rows.map(row => row.join('='))),
    });
    return { abort, seen, ended };
  };

  test('the newest rows, then each that comes, once and in order', async () => {
    const { started, source, insert } = await startEvents();
    await using _started = started;
    for (const [eid, name] of ['a', 'b', 'c'].entries()) await insert(eid, name);
    const { abort, seen, ended } = follow(source);
    await expect.poll(() => seen, PATIENCE).toEqual(['b=1', 'c=2']);
    await insert(10, 'd');
    await insert(9, 'late, but before it in no look');
    await expect.poll(() => seen.at(-1), PATIENCE).toMatch(/d=10|late/);
    await insert(11, 'e');
    await expect.poll(() => seen.at(-1), PATIENCE).toBe('e=11');
    expect(seen.filter(row => row === 'd=10')).toHaveLength(1);
    abort.abort();
    await ended;
  });

  test('only what the WHERE keeps, even if it ends in a comment', async () => {
    const { started, source, insert } = await startEvents();
    await using _started = started;
    await insert(1, 'no');
    const { abort, seen, ended } = follow(source, { where: "name = 'yes' OR size = 7 -- or what" });
    await insert(2, 'yes');
    await insert(3, 'no');
    await insert(7, 'x');
    await expect.poll(() => seen, PATIENCE).toEqual(['yes=2', 'x=7']);
    abort.abort();
    await ended;
  });

  test('goes on when the numbers begin anew', async () => {
    const { started, source, insert, run } = await startEvents();
    await using _started = started;
    await insert(500, 'old');
    const { abort, seen, ended } = follow(source, { last: 0 });
    await insert(501, 'before');
    await expect.poll(() => seen, PATIENCE).toEqual(['before=501']);
    await run('DELETE FROM events');
    await insert(1, 'anew');
    await expect.poll(() => seen, PATIENCE).toEqual(['before=501', 'anew=1']);
    abort.abort();
    await ended;
  });

  test('ends with the error of a query', async () => {
    const { started, source } = await startEvents();
    await using _started = started;
    await expect(follow(source, { where: 'nope = 1' }).ended).rejects.toThrow('no such column: nope');
    await expect(follow(source, { where: '1; DROP TABLE events' }).ended).rejects.toThrow(/syntax error/);
  });
});

describe('what is printed', () => {
  const settings = (more: Partial<PrintSettings> = {}): PrintSettings => ({
    mode: 'pretty',
    nullValue: '',
    separator: '|',
    headers: true,
    terminal: true,
    width: undefined,
    style: PLAIN,
    ...more,
  });

  test('one line each for people, whose columns grow, and which fit the terminal', () => {
    const print = tailPrinter(['time', 'pid', 'cmdline'], settings({ width: 40 }), false);
    expect(print([['1796095145', '7', 'ls']])).toBe(
      'time                  pid  cmdline\n2026-12-01T03:19:05Z  7    ls\n',
    );
    expect(print([['1796095145', '70000', `\u001b[2J${'x'.repeat(80)}`]])).toBe(
      `2026-12-01T03:19:05Z  70000  \\x1b[2Jxxx…\n`,
    );
    expect(print([[null, null, null]])).toBe(`${' '.repeat(29)}\n`);
  });

  test('on a pipe, nothing is cut', () => {
    const long = 'x'.repeat(500);
    expect(tailPrinter(['path', 'cmdline'], settings(), false)([[long, long]])).toContain(
      `${long}  ${long}\n`,
    );
  });

  test('JSON Lines, and the other forms', () => {
    const row = ['1796095145', '\u001b"'];
    expect(tailPrinter(['time', 'a'], settings({ mode: 'json' }), true)([row])).toBe(
      '{"time":"1796095145","a":"\\u001b\\""}\n',
    );
    expect(tailPrinter(['time', 'a'], settings({ mode: 'csv' }), true)([['1796095145', 'b']])).toBe(
      'time|a\n1796095145|b\n',
    );
    const line = tailPrinter(['time', 'a'], settings({ mode: 'line' }), true);
    expect(line([['1796095145', 'b']])).toBe(' time = 2026-12-01T03:19:05Z\n    a = b\n');
    expect(line([['1', 'c']])).toBe('\n time = 1\n    a = c\n');
  });

  test('columns: those asked for, a summary for people, else all', async () => {
    await using started = await startCore();
    const source = coreSource(started.core);
    const request = { table: 'process_events', columns: [], where: '' };
    expect(await tailColumns(source, { ...request, columns: ['x'] }, settings())).toEqual(['x']);
    expect(await tailColumns(source, request, settings())).toContain('cmdline');
    const time = { ...request, table: 'time' };
    expect(await tailColumns(source, time, settings())).toContain('weekday');
    await expect(tailColumns(source, request, settings({ mode: 'json' }))).rejects.toThrow('no such table');
  });
});
