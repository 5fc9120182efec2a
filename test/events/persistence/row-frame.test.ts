import fc from 'fast-check';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';
import { packRows } from '../../../src/events/packing.ts';
import { MAX_PAYLOAD_BYTES } from '../../../src/events/persistence/frame.ts';
import {
  decodePackedFrame,
  decodeRowFrame,
  encodePackedFrame,
  encodeRowFrame,
  moveColumns,
  unpackedLength,
} from '../../../src/events/persistence/row-frame.ts';
import type { StoredBatch } from '../../../src/events/row-batch.ts';
import { batchOf, columns, packedOf, type TestRow } from '../event-rows.ts';

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

const payloadOf = (batch: StoredBatch): Buffer => Buffer.concat(encodeRowFrame(batch));
const rowsOf = ({ bytes, ends }: StoredBatch) =>
  decodeRows({ count: ends.length, chunks: [Buffer.from(bytes)] });

describe('a frame of rows', () => {
  it('gives the batch back', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 1e9 }), (rows, firstEid) => {
        const { owners: _, ...batch } = batchOf(rows, firstEid);
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

describe('a frame of packed rows', () => {
  const packedPayload = (batch: StoredBatch): Buffer => Buffer.concat(encodePackedFrame(packedOf(batch)));
  const two = batchOf([{ path: '/bin/true', pid: 7, note: '', time: 5 }, { time: 6 }]);

  it('gives the batch back, and says before how much it is', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 1, max: 1e9 }), (rows, firstEid) => {
        const { owners: _, ...batch } = batchOf(rows, firstEid);
        const payload = packedPayload(batch);
        expect(unpackedLength(payload)).toBe(batch.bytes.length);
        const read = decodePackedFrame(payload, NAMES)!;
        expect({ ...read, bytes: Buffer.from(read.bytes) }).toEqual({
          ...batch,
          bytes: Buffer.from(batch.bytes),
        });
      }),
    );
  });

  it('is refused where it is cut off, for other columns, and never makes the reader fail', () => {
    const payload = packedPayload(two);
    for (let length = 0; length < payload.length; length++) {
      expect(decodePackedFrame(payload.subarray(0, length), NAMES)).toBeUndefined();
      expect(unpackedLength(payload.subarray(0, length))).toBe(length < 4 ? 0 : two.bytes.length);
    }
    expect(decodePackedFrame(payload, ['other', ...NAMES.slice(1)])).toBeUndefined();
  });

  it('is refused or sound, whatever is in it', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (rows, place, change) => {
        const payload = packedPayload(batchOf(rows));
        payload.set(change.subarray(0, payload.length), place % Math.max(1, payload.length - change.length));
        const read = decodePackedFrame(payload, NAMES);
        if (read !== undefined) expect(rowsOf(read)).toHaveLength(rows.length);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when it comes to another length than it says, or to one that is not read', () => {
    const says = (length: number, packed = packRows(two.bytes)): Buffer =>
      Buffer.concat(encodePackedFrame({ ...two, packed, length }));
    expect(decodePackedFrame(says(two.bytes.length), NAMES)).toBeDefined();
    for (const difference of [-70, -1, 1, 1000]) {
      expect(decodePackedFrame(says(two.bytes.length + difference), NAMES)).toBeUndefined();
    }
    const bomb = packRows(Buffer.alloc(32 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(8192);
    expect(decodePackedFrame(says(two.bytes.length, bomb), NAMES)).toBeUndefined();
    expect(decodePackedFrame(says(MAX_PAYLOAD_BYTES + 1, bomb), NAMES)).toBeUndefined();
    expect(decodePackedFrame(says(0, Buffer.alloc(0)), NAMES)).toBeUndefined();
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
