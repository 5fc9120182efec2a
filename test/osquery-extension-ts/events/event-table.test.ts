import { type ExtensionManagerClient, eventTable } from 'osquery-extension-ts';
import { startTestCore } from 'osquery-extension-ts/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support.ts';

const columns = [
  { name: 'path', type: 'TEXT' },
  { name: 'size', type: 'BIGINT' },
] as const;

type Options = NonNullable<Parameters<typeof eventTable<typeof columns>>[1]>;

/** A core with one event table. */
const startTable = async (options: Options = {}, flags: Record<string, string> = {}) => {
  let client: ExtensionManagerClient | undefined;
  const opens = eventTable(
    { name: 'opens', aliases: ['openings'], columns },
    {
      ...options,
      start: context => {
        client = context.client;
      },
    },
  );
  const core = await startTestCore({ plugins: [opens], flags });
  onTestFinished(() => core.close());
  const paths = async (sql = 'SELECT path FROM opens'): Promise<unknown[]> =>
    (await core.query(sql)).map(({ path }) => path);
  const run = async (name: string, sql = 'SELECT path FROM opens', snapshot = false): Promise<unknown[]> =>
    (await core.runScheduled({ name, sql, snapshot })).flatMap(line =>
      (Array.isArray(line.snapshot) ? line.snapshot : [line.columns]).map(row => row.path),
    );
  return { core, opens, paths, run, client: () => client! };
};

describe('an event table', () => {
  it('gives a scheduled query each row once, and every other query all', async () => {
    const { opens, run, paths } = await startTable();
    opens.append({ path: '/a' });
    opens.append({ path: '/b' });
    expect(await run('q')).toEqual(['/a', '/b']);
    expect(await run('q')).toEqual([]);
    opens.append({ path: '/c' });
    expect(await run('q')).toEqual(['/c']);
    expect(await run('other')).toEqual(['/a', '/b', '/c']);
    expect(await paths()).toEqual(['/a', '/b', '/c']);
  });

  it('shows every read of one execution the same rows: a self-join, OR, an alias', async () => {
    const { opens, run } = await startTable();
    opens.append({ path: '/a', size: 1 });
    const join = 'SELECT path FROM opens a JOIN openings b USING (path)';
    expect(await run('join', join)).toEqual(['/a']);
    opens.append({ path: '/b', size: 1 });
    opens.append({ path: '/c', size: 2 });
    expect(await run('join', join)).toEqual(['/b', '/c']);
    const or = "SELECT path FROM opens WHERE path = '/a' OR (size = 1 AND path LIKE '/%')";
    expect(await run('or', or)).toEqual(['/a', '/b']);
    expect(await run('or', or)).toEqual([]);
  });

  it('gives a query that asks for a time all rows of that time', async () => {
    const { opens, run } = await startTable();
    const now = Math.floor(Date.now() / 1000);
    opens.append({ path: '/old', time: now - 100 });
    opens.append({ path: '/new', time: now });
    const sql = `SELECT path FROM opens WHERE time > ${now - 50}`;
    expect(await run('timed', sql, true)).toEqual(['/new']);
    expect(await run('timed', sql, true)).toEqual(['/new']);
  });

  it('gives rows a time and a number', async () => {
    const { core, opens } = await startTable({ expiry: 0 });
    const before = Math.floor(Date.now() / 1000);
    opens.append({ path: '/a' });
    opens.append({ path: '/b', time: 5n, size: null });
    const rows = await core.query('SELECT *, eid FROM opens');
    expect(rows).toMatchObject([
      { path: '/a', eid: '0000000001' },
      { path: '/b', eid: '0000000002', time: '5' },
    ]);
    expect(Number(rows[0]!.time)).toBeGreaterThanOrEqual(before);
    expect(await core.query('SELECT * FROM opens LIMIT 1')).toEqual([
      expect.not.objectContaining({ eid: expect.anything() }),
    ]);
    expect(await core.query("SELECT path FROM opens WHERE eid = '0000000002'")).toEqual([{ path: '/b' }]);
    expect(
      await core.query("SELECT path FROM opens WHERE eid IN ('0000000002', '0000000001', 'x')"),
    ).toHaveLength(2);
    expect(await core.query("SELECT path FROM opens WHERE eid = '0000000009' OR eid = 'x'")).toEqual([]);
    expect(await core.query('SELECT a.path FROM opens a JOIN opens b ON a.eid = b.eid')).toHaveLength(2);
  });

  it("keeps as many rows as core's flag says, or the option", async () => {
    const { opens, paths } = await startTable({}, { events_max: '2' });
    // The flag is seen at the first look at core.
    await until(async () => {
      opens.append({ path: '/x' });
      return opens.counters.evicted > 0;
    });
    for (const path of ['/a', '/b', '/c']) opens.append({ path });
    expect(await paths()).toEqual(['/b', '/c']);
    const limited = await startTable({ max: 1 }, { events_max: '2' });
    for (const path of ['/a', '/b']) limited.opens.append({ path });
    expect(await limited.paths()).toEqual(['/b']);
    expect(limited.opens.counters).toMatchObject({ appended: 2, evicted: 1, evictedUnread: 1 });
    const small = await startTable({ maxBytes: 100 });
    for (const path of ['/a', 'x'.repeat(60)]) small.opens.append({ path });
    expect(await small.paths()).toEqual([]);
  });

  it('drops what is too old, once it is known who reads it', async () => {
    const { opens, paths } = await startTable({ expiry: 100 });
    const now = Math.floor(Date.now() / 1000);
    opens.append({ path: '/old', time: now - 200 });
    opens.append({ path: '/new', time: now });
    await until(async () => (await paths()).length === 1);
    expect(await paths()).toEqual(['/new']);
    expect(opens.counters.expired).toBe(1);
  });

  it('repeats its rows where core, or the option, wants it so', async () => {
    const { opens, run } = await startTable({ optimize: false });
    opens.append({ path: '/a' });
    expect(await run('q')).toEqual(['/a']);
    expect(await run('q', undefined, true)).toEqual(['/a']);
  });

  it('keeps what it was given, not what becomes of it', async () => {
    const { opens, paths } = await startTable();
    const row = { path: '/a' };
    opens.append(row);
    row.path = '/b';
    expect(await paths()).toEqual(['/a']);
  });

  it('begins to watch before core calls, and ends when it stops', async () => {
    const seen: string[] = [];
    const table = eventTable(
      { name: 'ticks', columns: [{ name: 'n', type: 'INTEGER' }] },
      {
        start: ({ append }) => {
          seen.push('start');
          append({ n: 1 });
        },
        stop: () => {
          seen.push('stop');
        },
      },
    );
    const core = await startTestCore({ plugins: [table] });
    expect(await core.query('SELECT n FROM ticks')).toEqual([{ n: '1' }]);
    await core.close();
    expect(seen).toEqual(['start', 'stop']);
  });

  it('refuses rows and definitions that cannot be right', async () => {
    const table = eventTable({ name: 't', columns });
    expect(() => table.append({ path: 5 as unknown as string })).toThrow(
      'table t: column path (TEXT): expected a string, got 5',
    );
    expect(() => table.append({ paht: '' } as object)).toThrow('table t: a row has "paht"');
    // @ts-expect-error: a name that is no column
    expect(() => table.append({ path: '', sise: 1 })).toThrow('"sise"');
    expect(table.counters.appended).toBe(0);
    const wrong =
      (spec: object, options: object = {}) =>
      () =>
        eventTable(spec as never, options as never);
    expect(wrong({ name: 't', columns: [{ name: 'time', type: 'TEXT' }] })).toThrow(
      'table t: column time is TEXT; expected BIGINT',
    );
    expect(wrong({ name: 't', columns: [{ name: 'eid', type: 'TEXT' }] })).toThrow('expected other names');
    expect(wrong({ name: 't', columns }, { max: -1 })).toThrow(
      'table t: max: expected a whole number from 0, got -1',
    );
    expect(wrong({ name: 't', columns }, { expire: 5 })).toThrow(
      'option expire does not exist; expected any of max,',
    );
    expect(wrong({ name: 't', columns }, { start: 5 })).toThrow('start: expected a function, got 5');
    expect(wrong(null as never)).toThrow('expected { name, columns }');
  });
});
