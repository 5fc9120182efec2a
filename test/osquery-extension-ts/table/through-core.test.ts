/** Tables as authors write them, asked in SQL through a core. */
import { type ColumnSpec, TablePlugin } from 'osquery-extension-ts';
import type { WrittenRow } from 'osquery-extension-ts/types';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCore, startExtension, type TestCore } from '../../core/support.ts';

const shelfColumns = [
  { name: 'id', type: 'BIGINT', index: true },
  { name: 'title', type: 'TEXT' },
  { name: 'price', type: 'DOUBLE' },
] as const satisfies readonly ColumnSpec[];
const books = [
  { id: 1, title: 'Dune', price: 9.5 },
  { id: 2, title: 'Solaris', price: null },
  { id: 3, title: 'Dune', price: 0.1 + 0.2 },
];

const shelf = new TablePlugin(
  { name: 'shelf', columns: shelfColumns },
  {
    generate: context =>
      books.filter(
        ({ id, title, price }) =>
          context.matches('id', id) && context.matches('title', title) && context.matches('price', price),
      ),
  },
);
const lookedUp = new TablePlugin(
  { name: 'looked_up', columns: shelfColumns },
  {
    generate: context => context.equals('id')?.flatMap(id => books.filter(book => book.id === id)) ?? books,
  },
);
const twice = new TablePlugin(
  { name: 'twice', columns: shelfColumns },
  { generate: () => [books[0]!, books[1]!, books[0]!] },
);

describe('a table whose rows have no rowid', () => {
  let started: TestCore;
  let extension: AsyncDisposable;
  beforeAll(async () => {
    started = await startCore();
    extension = await startExtension(started.core, [shelf, lookedUp, twice]);
  });
  afterAll(async () => {
    await extension[Symbol.asyncDispose]();
    await started[Symbol.asyncDispose]();
  });

  test.each<[string, string[]]>([
    ["id=1 or (id=2 and title='Solaris')", ['1', '2']],
    ["id=1 or title='Dune'", ['1', '3']],
    ['id in (1,2,3)', ['1', '2', '3']],
    ['id=1 or id=2 or id=3', ['1', '2', '3']],
    // Of the second branch core passes nothing on.
    ["id=1 or title>'E'", ['1', '2']],
    ["id=2 or price is null or title='Dune'", ['1', '2', '3']],
    ["id='01'", ['1']],
    ['id=1.0', ['1']],
    ['id>1.5', ['2', '3']],
    ["id between '1' and '02'", ['1', '2']],
    ['id<>1', ['2', '3']],
    ["id='x'", []],
    ['price=0.30000000000000004', ['3']],
    ['price is null', ['2']],
  ])('gives every row WHERE %s', async (where, ids) => {
    for (const table of ['shelf', 'looked_up']) {
      const { rows } = await started.core.query(`SELECT id FROM ${table} WHERE ${where} ORDER BY id`);
      expect(rows.map(({ id }) => id)).toEqual(ids);
    }
  });

  test('gives rows that are alike as often as they are there', async () => {
    const count = async (sql: string) => (await started.core.query(sql)).rows[0]?.n;
    expect(await count('SELECT count(*) AS n FROM twice')).toBe('3');
    expect(await count("SELECT count(*) AS n FROM twice WHERE id=1 OR title='Dune'")).toBe('2');
    expect(await count("SELECT count(*) AS n FROM twice WHERE id=1 OR title='Solaris'")).toBe('3');
  });
});

const columns = [
  { name: 'k', type: 'TEXT', index: true },
  { name: 'n', type: 'BIGINT' },
  { name: 'd', type: 'DOUBLE' },
  { name: 'b', type: 'BLOB' },
] as const satisfies readonly ColumnSpec[];

/** A writable table that keeps its rows in a map. */
const startNotes = async (
  spec: Partial<ConstructorParameters<typeof TablePlugin<typeof columns>>[0]> = {},
) => {
  const started = await startCore();
  const rows = new Map<bigint, WrittenRow<typeof columns>>();
  let last = 0n;
  const notes = new TablePlugin(
    { name: 'notes', columns, ...spec },
    {
      generate: () => [...rows].map(([rowid, row]) => ({ ...row, rowid })),
      insert(row) {
        last += 1n;
        rows.set(last, row);
        return last;
      },
      update(rowid, row) {
        rows.set(rowid, row);
      },
      remove(rowid) {
        rows.delete(rowid);
      },
    },
  );
  const extension = await startExtension(started.core, [notes]);
  return {
    rows,
    run: (sql: string) => started.core.query(sql),
    [Symbol.asyncDispose]: async () => {
      await extension[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    },
  };
};

describe('a table that is written to', () => {
  test('gets the bytes of a BLOB, and the text of a TEXT', async () => {
    await using notes = await startNotes();
    await notes.run("INSERT INTO notes (k, b) VALUES ('žluťoučký \"kůň\" \\ €', x'ff00fe41'), ('', x'c5be')");
    expect([...notes.rows.values()]).toEqual([
      { k: 'žluťoučký "kůň" \\ €', n: null, d: null, b: Buffer.from('ff00fe41', 'hex') },
      { k: '', n: null, d: null, b: Buffer.from('c5be', 'hex') },
    ]);
  });

  test('is given NULL for what INSERT leaves out, index or not', async () => {
    await using notes = await startNotes();
    await notes.run('INSERT INTO notes (n) VALUES (1)');
    await notes.run("INSERT INTO notes (k, n) VALUES ('x', NULL)");
    await notes.run("UPDATE notes SET k = NULL WHERE k = 'x'");
    expect([...notes.rows.values()]).toEqual([
      { k: null, n: 1, d: null, b: null },
      { k: null, n: null, d: null, b: null },
    ]);
  });

  test('says so where a column is not nullable', async () => {
    const [k, ...others] = columns;
    await using notes = await startNotes({ columns: [{ ...k, nullable: false }, ...others] as never });
    await expect(notes.run('INSERT INTO notes (n) VALUES (1)')).rejects.toThrow('datatype mismatch');
  });

  test('is written to through an alias of a column', async () => {
    await using notes = await startNotes({ columnAliases: { key: 'k', num: 'n' } });
    await notes.run("INSERT INTO notes (k, n) VALUES ('a', 1), ('b', 2)");
    await notes.run("UPDATE notes SET key = 'changed' WHERE key = 'a'");
    expect(notes.rows.get(1n)).toMatchObject({ k: 'changed', n: 1 });
    await notes.run("UPDATE notes SET n = 7, key = 'both' WHERE k = 'b'");
    expect(notes.rows.get(2n)).toMatchObject({ k: 'both', n: 7 });
    await notes.run("UPDATE notes SET k = 'own' WHERE n = 7");
    expect(notes.rows.get(2n)).toMatchObject({ k: 'own', n: 7 });
    await notes.run('UPDATE notes SET num = NULL WHERE n = 7');
    expect(notes.rows.get(2n)).toMatchObject({ k: 'own', n: null });
    await expect(notes.run("UPDATE notes SET k = 'x', key = 'y'")).rejects.toThrow(
      'table notes: the statement gives k and its alias key different values',
    );
  });
});
