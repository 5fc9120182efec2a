import fc from 'fast-check';
import { decodeRows } from 'osquery-extension-ts';
import { describe, expect, it } from 'vitest';
import type { RowBatch } from '../../src/events/row-batch.ts';
import { decodeRowFrame, encodeRowFrame, moveColumns } from '../../src/state/row-frame.ts';
import { batchOf, columns, type TestRow } from '../events/event-rows.ts';

const NAMES = columns.map(({ name }) => name);

const anyRows: fc.Arbitrary<TestRow[]> = fc.array(
  fc.record(
    {
      path: fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: undefined }),
      pid: fc.option(fc.nat(), { nil: undefined }),
      note: fc.option(fc.string({ maxLength: 10 }), { nil: undefined }),
      time: fc.nat(),
    },
    { requiredKeys: ['time'] },
  ),
  { minLength: 1, maxLength: 8 },
);

const payloadOf = (batch: RowBatch): Buffer => Buffer.concat(encodeRowFrame(batch));
const rowsOf = ({ bytes, ends }: RowBatch) =>
  decodeRows({ count: ends.length, chunks: [Buffer.from(bytes)] });

describe('a frame of rows', () => {
  it('gives the batch back', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 1e9 }), (rows, firstEid) => {
        const batch = batchOf(rows, firstEid);
        const read = decodeRowFrame(payloadOf(batch), NAMES)!;
        expect({ ...read, bytes: Buffer.from(read.bytes) }).toEqual({
          ...batch,
          bytes: Buffer.from(batch.bytes),
        });
      }),
    );
  });

  it('is refused where it is cut off, and never makes the reader fail', () => {
    const payload = payloadOf(batchOf([{ path: '/bin/true', pid: 7, note: '', time: 5 }, { time: 6 }]));
    for (let length = 0; length < payload.length; length++) {
      expect(decodeRowFrame(payload.subarray(0, length), NAMES)).toBeUndefined();
    }
  });

  it('is refused or sound, whatever is in it', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (rows, place, change) => {
        const payload = payloadOf(batchOf(rows));
        payload.set(change.subarray(0, payload.length), place % Math.max(1, payload.length - change.length));
        const read = decodeRowFrame(payload, NAMES);
        if (read === undefined) return;
        // Every row can be read to its end.
        expect(rowsOf(read)).toHaveLength(rows.length);
        moveColumns(read, NAMES, NAMES);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused for columns that it was not written with', () => {
    const payload = payloadOf(batchOf([{ path: '/bin/true', time: 5 }]));
    expect(decodeRowFrame(payload, ['other', ...NAMES.slice(1)])).toBeUndefined();
    expect(decodeRowFrame(payload, [])).toBeUndefined();
  });
});

describe('moveColumns', () => {
  it('keeps what has a column, and leaves the rest NULL', () => {
    const rows: TestRow[] = [
      { path: '/a', pid: 1, note: 'n', time: 10 },
      { pid: 2, time: 11 },
      { path: '/c', time: 12 },
    ];
    const to = ['eid', 'new', 'path', 'time'];
    const moved = moveColumns(batchOf(rows, 41), NAMES, to);
    expect(rowsOf(moved)).toEqual([
      { eid: '0000000041', path: '/a', time: '10' },
      { eid: '0000000042', time: '11' },
      { eid: '0000000043', path: '/c', time: '12' },
    ]);
    // As sound as one that was written with these columns.
    expect(decodeRowFrame(payloadOf(moved), to)).toBeDefined();
    expect([...moved.masks]).toEqual([0b1101, 0, 0b1001, 0, 0b1101, 0]);
  });

  it('changes nothing where nothing has changed', () => {
    fc.assert(
      fc.property(anyRows, rows => {
        const batch = batchOf(rows);
        const moved = moveColumns(batch, NAMES, NAMES);
        expect(payloadOf(moved)).toEqual(payloadOf(batch));
      }),
    );
  });
});
