import fc from 'fast-check';
import { type EncodedRows, type ExtensionManagerClient, TablePlugin } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';

const columns = [
  { name: 'a', type: 'BIGINT' },
  { name: 'b', type: 'TEXT' },
] as const;
type Row = { readonly a: number; readonly b: string | null };

const call = { signal: new AbortController().signal, client: {} as ExtensionManagerClient };

/** As core has it for a branch of an OR. */
const COMPARED = '"constraints":[{"name":"a","list":[{"op":4,"expr":"-5"}],"affinity":"BIGINT"}]';

async function rowidsOf(rows: readonly Row[], context = `{${COMPARED}}`): Promise<(string | undefined)[]> {
  const plugin = new TablePlugin({ name: 't', columns }, { generate: () => rows });
  const answer = (await plugin.call({ action: 'generate', context }, call)) as EncodedRows;
  return decodeRows(answer).map(row => row.rowid);
}

describe('a row without a rowid', () => {
  it('gets one that is the same in every answer, whatever else is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ a: fc.integer(), b: fc.option(fc.string()) }), {
          maxLength: 30,
          selector: row => JSON.stringify(row),
        }),
        fc.func(fc.boolean()),
        async (rows, choose) => {
          const all = await rowidsOf(rows);
          expect(new Set(all).size).toBe(rows.length);
          const some = rows.filter(row => choose(row));
          expect(await rowidsOf(some)).toEqual(all.filter((_, index) => choose(rows[index]!)));
        },
      ),
    );
  });

  it('gets one that core can read', async () => {
    const rowids = await rowidsOf(Array.from({ length: 3000 }, (_, a) => ({ a, b: null })));
    expect(new Set(rowids).size).toBe(3000);
    for (const rowid of rowids) {
      expect(rowid).toMatch(/^[1-9]\d{17}$/);
      expect(BigInt(rowid!)).toBeLessThan(2n ** 63n);
    }
  });

  it('is told from others that say the same by how many came before', async () => {
    const twice = await rowidsOf([
      { a: 1, b: 'x' },
      { a: 2, b: 'x' },
      { a: 1, b: 'x' },
    ]);
    expect(new Set(twice).size).toBe(3);
    expect(
      await rowidsOf([
        { a: 1, b: 'x' },
        { a: 1, b: 'x' },
      ]),
    ).toEqual([twice[0], twice[2]]);
  });

  it('has it of the columns in use', async () => {
    const context = `{${COMPARED},"colsUsed":["b"]}`;
    const rows = [
      { a: 1, b: 'x' },
      { a: 2, b: 'x' },
      { a: 3, b: 'y' },
    ];
    const [first, second, third] = await rowidsOf(rows, context);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await rowidsOf(rows.slice(0, 1), context)).toEqual([first]);
    expect(await rowidsOf(rows.slice(1, 2), context)).toEqual([first]);
    expect(await rowidsOf(rows.slice(2), context)).toEqual([third]);
  });

  it('is not asked for where rows are only counted', async () => {
    expect(await rowidsOf([{ a: 1, b: 'x' }], '{"colsUsed":[]}')).toEqual([undefined]);
  });

  it('is an error where UPDATE or DELETE would need it', async () => {
    const plugin = new TablePlugin(
      { name: 't', columns },
      { generate: () => [{ a: 1, b: 'x' }], remove: () => {} },
    );
    await expect(plugin.call({ action: 'generate' }, call)).rejects.toThrow(
      /table t: a row without rowid. UPDATE and DELETE name rows by their rowid/,
    );
  });
});
