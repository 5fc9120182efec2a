import {
  type ColumnSpec,
  type EncodedRows,
  type ExtensionManagerClient,
  type PluginRow,
  pickColumns,
  type QueryContext,
  TablePlugin,
} from 'osquery-extension-ts';
import { ByteWriter, createRowEncoder, decodeRows, isEncodedRows } from 'osquery-extension-ts/encoded';
import type { ResponseRows } from 'osquery-extension-ts/types';
import { describe, expect, expectTypeOf, it } from 'vitest';

const columns = [
  { name: 'n', type: 'BIGINT', options: { index: true } },
  { name: 't', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];
const spec = { name: 'numbers', columns };
const call = { signal: new AbortController().signal, client: {} as ExtensionManagerClient };
const generate: PluginRow = { action: 'generate', context: '{}' };

const rowsOf = (rows: ResponseRows): readonly PluginRow[] =>
  (isEncodedRows(rows) ? decodeRows(rows) : rows).map(({ rowid: _, ...row }) => row);

describe('TablePlugin', () => {
  it('describes itself', async () => {
    const plugin = new TablePlugin(spec, { generate: () => [] });
    expect(plugin.registry).toBe('table');
    expect(plugin.name).toBe('numbers');
    const routes = [
      { id: 'column', name: 'n', type: 'BIGINT', op: '1' },
      { id: 'column', name: 't', type: 'TEXT', op: '0' },
      { id: 'attributes', attributes: '0' },
    ];
    expect(plugin.routes()).toEqual(routes);
    expect(await plugin.call({ action: 'columns' }, call)).toEqual(routes);
  });

  it.each<[string, () => Parameters<typeof plug>[0]]>([
    ['an array', () => () => [{ n: 1, t: 'a' }, { n: 2 }]],
    [
      'a promise',
      () => async () => [
        { n: 1, t: 'a' },
        { n: 2, t: null },
      ],
    ],
    [
      'a generator',
      () =>
        function* () {
          yield { n: 1n, t: 'a' };
          yield { n: 2, t: undefined };
        },
    ],
    [
      'an async generator',
      () =>
        async function* () {
          yield { n: true, t: 'a' };
          yield { n: 2 };
        },
    ],
    [
      'encoded rows',
      () => () => {
        const out = new ByteWriter();
        const encoder = createRowEncoder(columns);
        encoder.append({ n: 1, t: 'a' }, out);
        encoder.append({ n: 2 }, out);
        return { count: 2, chunks: [out.take()] };
      },
    ],
  ])('answers with the rows of %s', async (_, make) => {
    expect(rowsOf(await plug(make()).call(generate, call))).toEqual([{ n: '1', t: 'a' }, { n: '2' }]);
  });

  it('hands encoded rows on as they are', async () => {
    const rows: EncodedRows = { count: 0, chunks: [] };
    expect(await plug(() => rows).call(generate, call)).toBe(rows);
  });

  it('cuts many rows into chunks without losing one', async () => {
    const count = 20_000;
    const answer = await plug(() => Array.from({ length: count }, (_, n) => ({ n, t: 'x'.repeat(50) }))).call(
      generate,
      call,
    );
    expect((answer as EncodedRows).chunks.length).toBeGreaterThan(3);
    expect(rowsOf(answer).map(row => Number(row.n))).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it('gives the query to generate', async () => {
    let seen: QueryContext | undefined;
    const plugin = plug(context => {
      seen = context;
      return [];
    });
    const context =
      '{"constraints":[{"name":"n","list":[{"op":2,"expr":"5"}],"affinity":"BIGINT"}],"colsUsed":["n"]}';
    await plugin.call({ action: 'generate', context }, call);
    expect(seen?.constraints.get('n')?.list).toEqual([{ op: 2, expr: '5' }]);
    expect(seen?.colsUsed).toEqual(new Set(['n']));
  });

  it('gives the call to generate, and stops taking rows that nobody waits for', async () => {
    const gone = new AbortController();
    let made = 0;
    const plugin = plug(async function* (_, { signal }) {
      expect(signal).toBe(gone.signal);
      for (;;) {
        made += 1;
        if (made === 10) gone.abort(new Error('the client has gone'));
        yield { n: made };
      }
    });
    await expect(plugin.call(generate, { ...call, signal: gone.signal })).rejects.toThrow(
      'the client has gone',
    );
    expect(made).toBe(10);
  });

  it.each<[string, PluginRow, RegExp]>([
    [
      'an unknown action',
      { action: 'explode' },
      /table numbers: unknown action "explode"; expected generate/,
    ],
    ['no action', {}, /unknown action ""/],
    ['a context that is not JSON', { action: 'generate', context: '{' }, /query context is not JSON/],
  ])('refuses %s', async (_, request, message) => {
    await expect(plug(() => []).call(request, call)).rejects.toThrow(message);
  });

  it('fails with what generate throws', async () => {
    const plugin = plug(() => {
      throw new Error('disk on fire');
    });
    await expect(plugin.call(generate, call)).rejects.toThrow('disk on fire');
  });

  it('fails with the column and value that cannot be', async () => {
    const plugin = plug(() => [{ n: 'one' as unknown as number }]);
    await expect(plugin.call(generate, call)).rejects.toThrow(
      'table numbers: column n (BIGINT): expected a number, bigint or boolean, got the text "one"',
    );
    await expect(plug(() => undefined as never).call(generate, call)).rejects.toThrow(
      'table numbers: generate gave undefined; expected rows',
    );
  });

  it.each<[string, unknown, RegExp]>([
    [
      'a name that is no column',
      [{ n: 1, m: 2 }],
      /a row has "m", which is not a column; expected any of n, t/,
    ],
    [
      'pairs',
      [['n', 1]],
      /expected a row, an object with any of n, t, i, rowid, got a list; a list of \[name, value\]/,
    ],
    ['a Map', new Map([['n', 1]]), /expected a row, .* got a list/],
    ['a Map as a row', [new Map([['n', 1]])], /expected a row, .* got an object of Map/],
    ['promises', [Promise.resolve({ n: 1 })], /expected a row, .* got an object of Promise; await it/],
    ['a Set as a row', [new Set(['n'])], /expected a row, .* got an object of Set/],
    ['null as a row', [null], /expected a row, .* got null/],
    ['a single row', { n: 1 }, /generate gave an object of Object; expected rows: a list/],
    ['a text', 'rows', /generate gave "rows"/],
    ['1e21', [{ n: 1e21 }], /column n \(BIGINT\): expected a number of 64 bits .* got 1e\+21/],
    ['2n ** 64n', [{ n: 2n ** 64n }], /column n \(BIGINT\): expected .* got 18446744073709551616n/],
    [
      'an INTEGER beyond 32 bits',
      [{ i: 2 ** 31 }],
      /column i \(INTEGER\): .* \(BIGINT has 64\), got 2147483648/,
    ],
  ])('refuses %s, and says what, where and what was expected', async (_, rows, message) => {
    const wide = [...columns, { name: 'i', type: 'INTEGER' }] as const;
    const plugin = new TablePlugin({ name: 'numbers', columns: wide }, { generate: () => rows as never });
    await expect(plugin.call(generate, call)).rejects.toThrow(message);
    await expect(plugin.call(generate, call)).rejects.toThrow(/^table numbers: /);
  });

  it('takes the least and the greatest numbers that core can read', async () => {
    const wide = [...columns, { name: 'i', type: 'INTEGER' }] as const;
    const rows = [
      { n: -(2n ** 63n), i: -(2 ** 31) },
      { n: 2n ** 63n - 1n, i: 2 ** 31 - 1 },
    ];
    const plugin = new TablePlugin({ name: 'numbers', columns: wide }, { generate: () => rows });
    expect(rowsOf(await plugin.call(generate, call))).toEqual(
      rows.map(({ n, i }) => ({ n: String(n), i: String(i) })),
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'no handlers',
      () => new TablePlugin(spec, undefined as never),
      /table numbers: expected handlers \{ generate, insert, update, remove \}, got undefined/,
    ],
    [
      'no generate',
      () => new TablePlugin(spec, {} as never),
      /handler generate: expected a function, got undefined/,
    ],
    [
      'a handler named delete',
      () => new TablePlugin(spec, { generate: () => [], delete: () => {} } as never),
      /handler delete does not exist; expected remove/,
    ],
    [
      'a handler that is no function',
      () => new TablePlugin(spec, { generate: () => [], insert: 5 as never }),
      /handler insert: expected a function, got 5/,
    ],
    [
      'an unknown option',
      () =>
        new TablePlugin(
          { name: 't', columns: [{ name: 'a', type: 'TEXT', options: { idx: true } as never }] },
          { generate: () => [] },
        ),
      /table "t": column a: option "idx" does not exist; expected one of index, required/,
    ],
    [
      'an unknown option beside the name',
      () =>
        new TablePlugin(
          { name: 't', columns: [{ name: 'a', type: 'TEXT', idx: true } as never] },
          { generate: () => [] },
        ),
      /column a has no "idx"/,
    ],
    [
      'an unknown collation',
      () =>
        new TablePlugin(
          { name: 't', columns: [{ name: 'a', type: 'TEXT', collation: 'nocase' as never }] },
          { generate: () => [] },
        ),
      /column a has collation "nocase"; expected one of BINARY, NOCASE/,
    ],
    [
      'an unknown attribute',
      () => new TablePlugin({ ...spec, attributes: { evented: true } as never }, { generate: () => [] }),
      /attribute "evented" does not exist; expected one of utility, cacheable, eventBased/,
    ],
    [
      'an option that is a text',
      () =>
        new TablePlugin(
          { name: 't', columns: [{ name: 'a', type: 'TEXT', index: 'yes' as never }] },
          { generate: () => [] },
        ),
      /option index: expected true or false, got "yes"/,
    ],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('writes only the columns in use', async () => {
    const context = '{"constraints":[],"colsUsed":["t"]}';
    const plugin = plug(() => [
      { n: 1, t: 'a' },
      { n: 2, t: 'b' },
      { t: 'c', n: 3 },
    ]);
    expect(rowsOf(await plugin.call({ action: 'generate', context }, call))).toEqual([
      { t: 'a' },
      { t: 'b' },
      { t: 'c' },
    ]);
    const nothing = (await plugin.call(
      { action: 'generate', context: '{"colsUsed":[]}' },
      call,
    )) as EncodedRows;
    expect(decodeRows(nothing)).toEqual([{}, {}, {}]);
    const aliased = new TablePlugin(
      { ...spec, columnAliases: { text: 't' } },
      { generate: () => [{ n: 1, t: 'a' }] },
    );
    const byAlias = await aliased.call({ action: 'generate', context: '{"colsUsed":["text"]}' }, call);
    expect(rowsOf(byAlias)).toEqual([{ t: 'a' }]);
  });

  it('does not keep others waiting while it takes rows from an async iterable', async () => {
    const count = 100_000;
    const plugin = plug(async function* () {
      for (let n = 0; n < count; n += 1) yield { n, t: 'x'.repeat(20) };
    });
    let turns = 0;
    const others = setInterval(() => {
      turns += 1;
    }, 1);
    const answer = (await plugin.call(generate, call)) as EncodedRows;
    clearInterval(others);
    expect(answer.count).toBe(count);
    expect(turns).toBeGreaterThan(5);
  });

  it('stops at the longest answer that can be sent', async () => {
    let made = 0;
    const plugin = plug(function* () {
      for (;;) {
        made += 1;
        yield { t: 'x'.repeat(1000) };
      }
    });
    await expect(plugin.call(generate, { ...call, maxReplyBytes: 100_000 })).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_TOO_LARGE' }),
    );
    expect(made).toBeLessThan(101);
  });

  it('refuses a definition that cannot be right', () => {
    expect(() => new TablePlugin({ name: 'x y', columns }, { generate: () => [] })).toThrowError(
      expect.objectContaining({ code: 'OSQUERY_INVALID' }),
    );
  });

  it('checks rows when compiling', () => {
    new TablePlugin(spec, { generate: () => [{ n: 1, t: 'a', rowid: 7 }, { n: 2n }, {}, { t: null }] });
    new TablePlugin(spec, { generate: async () => [1, 2].map(n => ({ n })) });
    new TablePlugin(spec, { generate: (_, { signal }) => [{ n: signal.aborted ? 1 : undefined }] });
    new TablePlugin(spec, { generate: () => JSON.parse('[]') });
    new TablePlugin(spec, { generate: () => [{ n: JSON.parse('1'), t: JSON.parse('null') }] });
    const inline = { name: 'inline', columns: [{ name: 'z', type: 'TEXT' }] } as const;
    new TablePlugin(inline, { generate: () => [{ z: 'z' }] });
    // @ts-expect-error there is no column n
    new TablePlugin(inline, { generate: () => [{ n: 1 }] });
    const there = new TablePlugin(
      { name: 'x', columns: [{ name: 'z', type: 'TEXT' }] },
      { generate: () => [{ z: '' }] },
    );
    expectTypeOf(there.spec.columns[0].type).toEqualTypeOf<'TEXT'>();
    // @ts-expect-error there is no column m, in one row of several
    new TablePlugin(spec, { generate: () => [{ n: 1 }, { n: 1, m: 2 }] });
    // @ts-expect-error there is no column m
    new TablePlugin(spec, { generate: () => [1, 2].map(n => ({ n, m: 2 })) });
    new TablePlugin(spec, {
      // @ts-expect-error there is no column m
      *generate() {
        yield { n: 1 };
        yield { n: 1, m: 1 };
      },
    });
    // @ts-expect-error a text is no number
    new TablePlugin(spec, { generate: async () => [{ n: '1' }] });
    new TablePlugin(spec, {
      // @ts-expect-error a number is no text
      async *generate() {
        yield { t: 1 };
      },
    });
    // @ts-expect-error a row is an object
    new TablePlugin(spec, { generate: () => [['n', 1]] });
    // @ts-expect-error a single row is no list
    expect(() => new TablePlugin(spec, { generate: { n: 1 } })).toThrow();
    expect(columns).toHaveLength(2);
  });

  it('takes rows with more fields than columns when it is told so', async () => {
    const rows = [{ n: 1, t: 'a', isbn: 'x' }];
    const picked = new TablePlugin(spec, { generate: () => pickColumns(columns, rows) });
    expect(rowsOf(await picked.call(generate, call))).toEqual([{ n: '1', t: 'a' }]);
    async function* later() {
      yield* rows;
    }
    const pickedLater = new TablePlugin(spec, { generate: () => pickColumns(columns, later()) });
    expect(rowsOf(await pickedLater.call(generate, call))).toEqual([{ n: '1', t: 'a' }]);
    // @ts-expect-error a text is no number, with or without others
    pickColumns(columns, [{ n: '1', isbn: 'x' }]);
  });

  it('checks names of columns in a context when compiling', async () => {
    let failure: unknown;
    const plugin = new TablePlugin(spec, {
      generate(context) {
        expectTypeOf(context.equals('n')).toEqualTypeOf<readonly (number | bigint)[] | undefined>();
        expectTypeOf(context.equals('t')).toEqualTypeOf<readonly string[] | undefined>();
        // @ts-expect-error a text has no range
        context.range('t');
        try {
          // @ts-expect-error there is no column fooo
          context.equals('fooo');
        } catch (error) {
          failure = error;
        }
        return [];
      },
    });
    await plugin.call(generate, call);
    expect(failure).toMatchObject({
      code: 'OSQUERY_INVALID',
      message: 'table numbers has no column "fooo"; expected one of n, t',
    });
  });

  function plug(handler: ConstructorParameters<typeof TablePlugin<typeof columns>>[1]['generate']) {
    return new TablePlugin(spec, { generate: handler });
  }
});
