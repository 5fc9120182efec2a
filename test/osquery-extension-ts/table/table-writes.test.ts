import {
  type ColumnSpec,
  type EncodedRows,
  type ExtensionManagerClient,
  type PluginRow,
  type TableHandlers,
  TablePlugin,
} from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import type { WriteResult } from 'osquery-extension-ts/types';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { WrittenRow } from '../../../src/osquery-extension-ts/src/table/table-writes.ts';

const columns = [
  { name: 'n', type: 'BIGINT' },
  { name: 't', type: 'TEXT' },
  { name: 'd', type: 'DOUBLE' },
] as const satisfies readonly ColumnSpec[];
const call = { signal: new AbortController().signal, client: {} as ExtensionManagerClient };

/** A table that keeps its rows in a map. */
function store() {
  const rows = new Map<bigint, WrittenRow<typeof columns>>();
  const plugin = new TablePlugin(
    { name: 'store', columns },
    {
      *generate() {
        for (const [rowid, row] of rows) yield { ...row, rowid };
      },
      insert(row, rowid) {
        if (row.t === null) return { kind: 'constraint' };
        const id = rowid ?? BigInt(rows.size + 1);
        rows.set(id, row);
        return { kind: 'success', rowid: id };
      },
      update(rowid, row, newRowid) {
        if (!rows.delete(rowid)) return { kind: 'failure', message: `no row ${rowid}` };
        rows.set(newRowid ?? rowid, row);
        return { kind: 'success' };
      },
      remove(rowid) {
        return rows.delete(rowid) ? { kind: 'success' } : { kind: 'failure', message: `no row ${rowid}` };
      },
    },
  );
  return { rows, plugin };
}

const only = (handlers: Partial<TableHandlers<typeof columns>>) =>
  new TablePlugin({ name: 'some', columns }, { generate: () => [], ...handlers });

describe('a table that is written to', () => {
  it('inserts with the number that core gives', async () => {
    const { rows, plugin } = store();
    const request = {
      action: 'insert',
      auto_rowid: 'true',
      id: '42',
      json_value_array: '[9007199254740993,"a",1.5]',
    };
    expect(await plugin.call(request, call)).toEqual([{ status: 'success', id: '42' }]);
    expect([...rows]).toEqual([[42n, { n: 9007199254740993n, t: 'a', d: 1.5 }]]);
  });

  it('inserts with a number of its own', async () => {
    const { rows, plugin } = store();
    const request = { action: 'insert', auto_rowid: 'false', json_value_array: '[1,"a",null]' };
    expect(await plugin.call(request, call)).toEqual([{ status: 'success', id: '1' }]);
    expect([...rows]).toEqual([[1n, { n: 1, t: 'a', d: null }]]);
  });

  it('needs a number from an insert that core has not numbered', async () => {
    const plugin = only({ insert: () => ({ kind: 'success' }) });
    expect(
      await plugin.call({ action: 'insert', auto_rowid: 'false', json_value_array: '[1,"a",1]' }, call),
    ).toEqual([{ status: 'failure', message: 'table some: insert gave no row id' }]);
    expect(
      await plugin.call(
        { action: 'insert', auto_rowid: 'true', id: '3', json_value_array: '[1,"a",1]' },
        call,
      ),
    ).toEqual([{ status: 'success', id: '3' }]);
  });

  it('gives its rows the numbers by which core changes them', async () => {
    const { rows, plugin } = store();
    rows.set(7n, { n: 1, t: 'a', d: null });
    const generated = (await plugin.call({ action: 'generate' }, call)) as EncodedRows;
    expect(decodeRows(generated)).toEqual([{ n: '1', t: 'a', rowid: '7' }]);
    expect(await plugin.call({ action: 'update', id: '7', json_value_array: '[2,"b",null]' }, call)).toEqual([
      { status: 'success' },
    ]);
    expect([...rows]).toEqual([[7n, { n: 2, t: 'b', d: null }]]);
    await plugin.call({ action: 'update', id: '7', new_id: '-8', json_value_array: '[2,"b",null]' }, call);
    expect([...rows.keys()]).toEqual([-8n]);
    expect(await plugin.call({ action: 'delete', id: '-8' }, call)).toEqual([{ status: 'success' }]);
    expect(rows.size).toBe(0);
  });

  it('ignores values after those of its columns and column aliases', async () => {
    const { rows, plugin } = store();
    await plugin.call(
      { action: 'insert', auto_rowid: 'true', id: '1', json_value_array: '[1,"a",2.5,null,null]' },
      call,
    );
    expect([...rows.values()]).toEqual([{ n: 1, t: 'a', d: 2.5 }]);
  });

  describe('through a column alias, whose value comes after those of the columns', () => {
    const updated = async (before: { t: string | null }, values: string): Promise<unknown> => {
      let after: unknown = 'nothing';
      const plugin = new TablePlugin(
        { name: 'aliased', columns, columnAliases: { text: 't' } },
        {
          generate: () => [{ rowid: 1, n: 1, ...before }],
          update(_, row) {
            after = row.t;
          },
        },
      );
      const request = { action: 'update', id: '1', json_value_array: values };
      const [answer] = (await plugin.call(request, call)) as PluginRow[];
      return answer?.status === 'success' ? after : answer?.message;
    };

    it.each<[string, string | null, string, unknown]>([
      ['neither is set', 'a', '[1,"a",null,"a"]', 'a'],
      ['the alias is set', 'a', '[1,"a",null,"b"]', 'b'],
      ['the column is set', 'a', '[1,"b",null,"a"]', 'b'],
      ['the alias is set to NULL', 'a', '[1,"a",null,null]', null],
      // Core shows a text that is not there as an empty one.
      ['the alias of what was NULL is set', null, '[1,"",null,"b"]', 'b'],
      [
        'both are set',
        'a',
        '[1,"b",null,"c"]',
        expect.stringMatching(/gives t and its alias text different values/),
      ],
    ])('where %s', async (_, before, values, after) => {
      expect(await updated({ t: before }, values)).toEqual(after);
    });

    it('inserts', async () => {
      let row: unknown;
      const plugin = new TablePlugin(
        { name: 'aliased', columns, columnAliases: { text: 't' } },
        {
          generate: () => [],
          insert(inserted) {
            row = inserted;
            return 1;
          },
        },
      );
      const request = { action: 'insert', auto_rowid: 'false', json_value_array: '[1,null,null,"b"]' };
      expect(await plugin.call(request, call)).toEqual([{ status: 'success', id: '1' }]);
      expect(row).toEqual({ n: 1, t: 'b', d: null });
    });
  });

  it('takes nothing, or a number, for success, and tells what else it is given', async () => {
    const request = { id: '1', auto_rowid: 'false', json_value_array: '[1,"a",1]' };
    const plugin = only({ insert: () => 5n, update: () => {}, remove: () => 'gone' as never });
    expect(await plugin.call({ ...request, action: 'insert' }, call)).toEqual([
      { status: 'success', id: '5' },
    ]);
    expect(await plugin.call({ ...request, action: 'update' }, call)).toEqual([{ status: 'success' }]);
    expect(await plugin.call({ ...request, action: 'delete' }, call)).toEqual([
      {
        status: 'failure',
        message: expect.stringMatching(/table some: remove gave "gone"; expected nothing, \{ kind \}/),
      },
    ]);
  });

  it('reads the bytes of a BLOB out of JSON that is no text', async () => {
    let row: unknown;
    const plugin = new TablePlugin(
      {
        name: 'bytes',
        columns: [
          { name: 'b', type: 'BLOB' },
          { name: 't', type: 'TEXT' },
        ],
      },
      {
        generate: () => [],
        insert(inserted) {
          row = inserted;
          return 1;
        },
      },
    );
    const json = Buffer.concat([
      Buffer.from('["'),
      Buffer.from([0xff, 0xc5, 0x5c, 0x22, 0x80]),
      Buffer.from('\\u0000\\u20ac","ž\\u20ac"]'),
    ]);
    const request = { action: 'insert', auto_rowid: 'false', json_value_array: json.toString() };
    await plugin.call(request, { ...call, requestBytes: () => json });
    expect(row).toEqual({ b: Buffer.from([0xff, 0xc5, 0x22, 0x80, 0, 0xe2, 0x82, 0xac]), t: 'ž€' });
  });

  it.each<[string, WriteResult, PluginRow]>([
    ['success', { kind: 'success' }, { status: 'success' }],
    ['readonly', { kind: 'readonly' }, { status: 'readonly' }],
    ['constraint', { kind: 'constraint' }, { status: 'constraint' }],
    ['failure', { kind: 'failure', message: 'no' }, { status: 'failure', message: 'no' }],
  ])('answers %s', async (_, result, row) => {
    const plugin = only({ update: () => result, remove: async () => result });
    expect(await plugin.call({ action: 'update', id: '1', json_value_array: '[1,"a",1]' }, call)).toEqual([
      row,
    ]);
    expect(await plugin.call({ action: 'delete', id: '1' }, call)).toEqual([row]);
  });

  it.each(['insert', 'update', 'delete'])('is read-only without a handler for %s', async action => {
    const request = { action, id: '1', auto_rowid: 'true', json_value_array: '[1,"a",1]' };
    expect(await only({}).call(request, call)).toEqual([{ status: 'readonly' }]);
  });

  it.each<[string, PluginRow, RegExp]>([
    ['a row id that is no number', { action: 'delete', id: 'x' }, /row id "x" is not a number/],
    ['no row id', { action: 'delete' }, /row id "" is not a number/],
    ['values that are no JSON', { action: 'update', id: '1', json_value_array: '[' }, /values are not JSON/],
    [
      'too few values',
      { action: 'update', id: '1', json_value_array: '[1]' },
      /expected a JSON array of 3 values/,
    ],
    ['no values', { action: 'update', id: '1' }, /values are not JSON/],
    [
      'what the handler throws',
      { action: 'update', id: '1', json_value_array: '[1,"a",1]' },
      /^out of paper$/,
    ],
  ])('answers failure to %s', async (_, request, message) => {
    const plugin = only({
      update: () => {
        throw new Error('out of paper');
      },
      remove: () => ({ kind: 'success' }),
    });
    expect(await plugin.call(request, call)).toEqual([
      { status: 'failure', message: expect.stringMatching(message) },
    ]);
  });

  it('has typed values', () => {
    expectTypeOf<WrittenRow<typeof columns>>().toEqualTypeOf<{
      readonly n: number | bigint | null;
      readonly t: string | null;
      readonly d: number | null;
    }>();
  });
});
