import { describe, expect, test } from 'vitest';
import { sqliteDouble } from '../../../src/core/format-value.ts';
import { decodeRows } from '../../../src/core/sql/result-codec.ts';
import { SqlEngine, type SqlEngineOptions, SqlError } from '../../../src/core/sql/sql-engine.ts';
import { parseRoutes } from '../../../src/core/sql/table-definition.ts';
import { decodeUtf8 } from '../../../src/runtime/utf8.ts';
import { column, rowList } from '../support.ts';

const openEngine = (options: Partial<SqlEngineOptions> = {}) => {
  const engine = new SqlEngine({
    tables: [],
    defaultIndex: true,
    eventsEnabled: true,
    call: () => Promise.reject(new Error('no table is called here')),
    warn: () => {},
    ...options,
  });
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() });
};

const rowsOf = async (engine: SqlEngine, sql: string): Promise<(string | null)[][]> => {
  const rows: (string | null)[][] = [];
  await engine.run(sql, {
    rows: batch => {
      const format = { float: sqliteDouble, text: decodeUtf8 };
      rows.push(...decodeRows(batch.bytes, batch.columns.length, batch.rows, format));
    },
  });
  return rows;
};

const COUNT_UP = (limit: string): string =>
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c ${limit}) SELECT`;

const table = parseRoutes({ name: 't', rows: [column('a', 'BIGINT'), column('b', 'TEXT')], extension: true });

describe('SqlEngine', () => {
  test('tells statements, their columns, rows and ends in order', async () => {
    await using engine = openEngine();
    const events: string[] = [];
    await engine.run(
      'SELECT 1 AS a; CREATE TABLE x(y); -- done\nINSERT INTO x VALUES (2); SELECT y, y AS z FROM x',
      {
        statement: columns => void events.push(`begin ${columns.join()}`),
        rows: batch => void events.push(`${batch.rows} rows`),
        statementEnd: () => void events.push('end'),
      },
    );
    expect(events).toEqual([
      'begin a',
      '1 rows',
      'end',
      'begin ',
      'end',
      'begin ',
      'end',
      'begin y,z',
      '1 rows',
      'end',
    ]);
  });

  test('keeps integers of 64 bits and text of any kind', async () => {
    await using engine = openEngine();
    expect(
      await rowsOf(
        engine,
        "SELECT 9223372036854775807, -9223372036854775807 - 1, 2.5, NULL, 'ü', x'ff00', 4503599627370497",
      ),
    ).toEqual([
      ['9223372036854775807', '-9223372036854775808', '2.5', null, 'ü', '\\xFF\u0000', '4503599627370497'],
    ]);
  });

  test('ends at the first error, with SQLite’s message', async () => {
    await using engine = openEngine();
    const columns: string[] = [];
    const running = engine.run('SELECT 1 AS a; SELECT nope; SELECT 2 AS b', {
      statement: names => void columns.push(...names),
    });
    await expect(running).rejects.toThrow('no such column: nope');
    expect(columns).toEqual(['a']);
    await expect(engine.run('SELECT \0')).rejects.toThrow('NUL');
    expect(await rowsOf(engine, 'SELECT 1')).toEqual([['1']]);
  });

  test('runs what comes at once one after the other', async () => {
    await using engine = openEngine();
    await engine.run('CREATE TABLE n(x)');
    const inserts = Array.from({ length: 20 }, (_, index) => engine.run(`INSERT INTO n VALUES (${index})`));
    const [rows] = await Promise.all([rowsOf(engine, 'SELECT count(*) FROM n'), ...inserts]);
    expect(rows).toEqual([['20']]);
  });

  test('stops a statement that computes without end', async () => {
    await using engine = openEngine();
    const abort = new AbortController();
    const running = engine.run(
      `${COUNT_UP('')} count(*) FROM c`,
      { statement: () => abort.abort() },
      abort.signal,
    );
    await expect(running).rejects.toMatchObject({ message: 'interrupted', interrupted: true });
    expect(await rowsOf(engine, 'SELECT 1')).toEqual([['1']]);
  });

  test('stops a statement that returns rows without end', async () => {
    await using engine = openEngine();
    const abort = new AbortController();
    const running = engine.run(`${COUNT_UP('')} x FROM c`, { rows: () => abort.abort() }, abort.signal);
    await expect(running).rejects.toMatchObject({ interrupted: true });
  });

  test('stops a statement that waits for a table', async () => {
    const abort = new AbortController();
    await using engine = openEngine({
      tables: [table],
      call: (_table, _request, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          abort.abort();
        }),
    });
    await expect(engine.run('SELECT * FROM t', {}, abort.signal)).rejects.toMatchObject({
      interrupted: true,
    });
    await expect(engine.run('SELECT 1', {}, AbortSignal.abort())).rejects.toThrow(SqlError);
  });

  test('waits for a slow reader and loses nothing', async () => {
    await using engine = openEngine();
    let rows = 0;
    let active = 0;
    await engine.run(`${COUNT_UP('LIMIT 20000')} x FROM c`, {
      rows: async batch => {
        active += 1;
        expect(active).toBe(1);
        await new Promise(resolve => setImmediate(resolve));
        rows += batch.rows;
        active -= 1;
      },
    });
    expect(rows).toBe(20_000);
  });

  test("fails with the reader's own error", async () => {
    await using engine = openEngine();
    const running = engine.run(`${COUNT_UP('')} x FROM c`, {
      rows: () => {
        throw new Error('reader broke');
      },
    });
    await expect(running).rejects.toThrow('reader broke');
    expect(await rowsOf(engine, 'SELECT 1')).toEqual([['1']]);
  });

  test('reports rows that are malformed, and goes on', async () => {
    const good = rowList([{ a: '1', b: 'x' }]);
    let bytes = good.bytes.slice(0, 9);
    await using engine = openEngine({ tables: [table], call: async () => ({ bytes, count: 1 }) });
    await expect(engine.run('SELECT * FROM t')).rejects.toThrow("malformed rows in the table's reply");
    bytes = good.bytes.slice();
    expect(await rowsOf(engine, 'SELECT * FROM t')).toEqual([['1', 'x']]);
  });

  test('joins a table with itself over many calls', async () => {
    let calls = 0;
    await using engine = openEngine({
      tables: [table],
      call: async () => {
        calls += 1;
        return rowList(Array.from({ length: 30 }, (_, index) => ({ a: String(index), b: `v${index}` })));
      },
    });
    const sql = 'SELECT count(*) FROM t AS l JOIN t AS r ON l.a = r.a WHERE r.b = l.b';
    expect(await rowsOf(engine, sql)).toEqual([['30']]);
    expect(calls).toBe(31);
  });

  test('passes on a reply of many megabytes', async () => {
    const rows = Array.from({ length: 3000 }, (_, index) => ({ a: String(index), b: 'x'.repeat(3000) }));
    await using engine = openEngine({ tables: [table], call: async () => rowList(rows) });
    expect(await rowsOf(engine, 'SELECT count(*), sum(length(b)), max(a) FROM t')).toEqual([
      ['3000', '9000000', '2999'],
    ]);
  });

  test('rejects what comes after it was closed', async () => {
    const engine = openEngine();
    await engine.close();
    await expect(engine.run('SELECT 1')).rejects.toThrow('closed');
  });
});
