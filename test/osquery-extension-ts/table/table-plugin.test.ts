import {
  ByteWriter,
  type ColumnSpec,
  createRowEncoder,
  decodeRows,
  type EncodedRows,
  isEncodedRows,
  type PluginRow,
  type QueryContext,
  type ResponseRows,
  TablePlugin,
} from 'osquery-extension-ts';
import { describe, expect, expectTypeOf, it } from 'vitest';

const columns = [
  { name: 'n', type: 'BIGINT', options: { index: true } },
  { name: 't', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];
const spec = { name: 'numbers', columns };
const call = { signal: new AbortController().signal };
const generate: PluginRow = { action: 'generate', context: '{}' };

const rowsOf = (rows: ResponseRows): readonly PluginRow[] => (isEncodedRows(rows) ? decodeRows(rows) : rows);

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
    await expect(plugin.call(generate, { signal: gone.signal })).rejects.toThrow('the client has gone');
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
      'column n (BIGINT): expected a number, bigint or boolean, got string',
    );
    await expect(plug(() => undefined as never).call(generate, call)).rejects.toThrow(
      'table numbers: generate gave undefined; expected rows',
    );
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
    // @ts-expect-error there is no column m
    new TablePlugin(spec, { generate: () => [{ n: 1, m: 2 }] });
    // @ts-expect-error a text is no number
    new TablePlugin(spec, { generate: async () => [{ n: '1' }] });
    new TablePlugin(spec, {
      // @ts-expect-error there is no column m
      *generate() {
        yield { m: 1 };
      },
    });
    new TablePlugin(spec, {
      // @ts-expect-error a number is no text
      async *generate() {
        yield { t: 1 };
      },
    });
    expect(columns).toHaveLength(2);
  });

  function plug(handler: ConstructorParameters<typeof TablePlugin<typeof columns>>[1]['generate']) {
    return new TablePlugin(spec, { generate: handler });
  }
});
