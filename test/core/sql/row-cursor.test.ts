import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedRowsError, RowCursor } from '../../../src/core/sql/row-cursor.ts';
import { rowList } from '../support.ts';

const NAMES = ['a', 'name', 'größe', ''];

const rows = fc.array(
  fc.dictionary(
    fc.constantFrom('a', 'name', 'other', 'x'.repeat(40)),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
  ),
  { maxLength: 20 },
);

const readAll = (cursor: RowCursor, bytes: Uint8Array): Record<string, string>[] => {
  const read: Record<string, string>[] = [];
  for (; !cursor.eof; cursor.next()) {
    const row: Record<string, string> = {};
    for (const [index, name] of NAMES.entries()) {
      const offset = cursor.offsets[index]!;
      if (offset >= 0)
        row[name] = Buffer.from(bytes.subarray(offset, offset + cursor.lengths[index]!)).toString();
    }
    read.push(row);
  }
  return read;
};

describe('RowCursor', () => {
  test('finds the columns of every row and passes over other keys', () => {
    fc.assert(
      fc.property(rows, input => {
        const list = rowList(input);
        const expected = input.map(row =>
          Object.fromEntries(Object.entries(row).filter(([name]) => NAMES.includes(name))),
        );
        expect(readAll(new RowCursor(list, NAMES), list.bytes)).toEqual(expected);
      }),
    );
  });

  test('follows keys that change their order from row to row', () => {
    const list = rowList([
      { a: '1', name: 'x' },
      { name: 'y', a: '2' },
      { name: 'z' },
      {},
      { a: '5', name: 'w' },
    ]);
    expect(readAll(new RowCursor(list, NAMES), list.bytes)).toEqual([
      { a: '1', name: 'x' },
      { a: '2', name: 'y' },
      { name: 'z' },
      {},
      { a: '5', name: 'w' },
    ]);
  });

  test('counts rows without columns, which have no bytes', () => {
    const list = rowList([{}, {}, {}]);
    expect(list).toEqual({ bytes: new Uint8Array(0), count: 3, areEmpty: true });
    expect(readAll(new RowCursor(list, NAMES), list.bytes)).toEqual([{}, {}, {}]);
    expect(() => new RowCursor({ bytes: list.bytes, count: 3 }, NAMES)).toThrow(MalformedRowsError);
  });

  test('tells where a row names its id', () => {
    const list = rowList([{ a: '1' }, { a: '1', rowid: '77' }]);
    const cursor = new RowCursor(list, ['a']);
    expect(cursor.rowidOffset).toBe(-1);
    cursor.next();
    const { rowidOffset, rowidLength } = cursor;
    expect(Buffer.from(list.bytes.subarray(rowidOffset, rowidOffset + rowidLength)).toString()).toBe('77');
  });

  test('reports rows that end too early, wherever they are cut', () => {
    fc.assert(
      fc.property(
        rows.filter(input => input.length > 0),
        fc.nat(),
        (input, cut) => {
          const list = rowList(input);
          const bytes = list.bytes.slice(0, cut % list.bytes.length);
          expect(() => readAll(new RowCursor({ bytes, count: list.count }, NAMES), bytes)).toThrow(
            MalformedRowsError,
          );
        },
      ),
    );
  });

  test('never reads beyond the bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 10 }), (bytes, count) => {
        try {
          for (const row of readAll(new RowCursor({ bytes, count }, NAMES), bytes)) {
            expect(JSON.stringify(row).length).toBeLessThan(4000);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedRowsError);
        }
      }),
    );
  });
});
