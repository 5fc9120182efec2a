import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';
import { isPresent } from '../../src/events/encoded-row.ts';
import type { RowBatch } from '../../src/events/row-batch.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { columns } from './event-rows.ts';

const rowsIn = ({ bytes, ends }: RowBatch) =>
  Array.from(ends, (end, i) => decodeRows({ count: 1, chunks: [bytes.subarray(ends[i - 1] ?? 0, end)] })[0]!);

describe('RowBatchWriter', () => {
  it('numbers rows through all batches, ten digits wide', () => {
    const writer = new RowBatchWriter(columns, 9_999_999_999);
    expect(writer.take()).toBeUndefined();
    writer.append({ pid: 1 }, 100);
    writer.append({ pid: 2 }, 101);
    const first = writer.take()!;
    writer.append({ pid: 3 }, 102);
    const second = writer.take()!;
    expect([first.firstEid, second.firstEid]).toEqual([9_999_999_999, 10_000_000_001]);
    expect([...rowsIn(first), ...rowsIn(second)].map(({ eid, pid }) => [eid, pid])).toEqual([
      ['9999999999', '1'],
      ['10000000000', '2'],
      ['10000000001', '3'],
    ]);
    expect(writer.take()).toBeUndefined();
    expect(new RowBatchWriter(columns)).toMatchObject({ byteCount: 0 });
  });

  it('starts at 0000000001', () => {
    const writer = new RowBatchWriter(columns);
    writer.append({}, 1);
    expect(rowsIn(writer.take()!)).toEqual([{ eid: '0000000001' }]);
  });

  it('keeps the number that a row brings along out', () => {
    const writer = new RowBatchWriter(columns);
    writer.append({ eid: 'forged' }, 1);
    expect(rowsIn(writer.take()!)).toEqual([{ eid: '0000000001' }]);
  });

  it('says of each row where it ends, when it was and what it has', () => {
    const writer = new RowBatchWriter(columns);
    for (let i = 0; i < 1_000; i++) writer.append(i % 2 === 0 ? { pid: i } : { path: `/${i}`, note: '' }, i);
    const bytes = writer.byteCount;
    const batch = writer.take()!;
    expect(batch.bytes.length).toBe(bytes);
    expect(batch.ends.at(-1)).toBe(bytes);
    expect(Array.from(batch.times)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    const rows = rowsIn(batch);
    rows.forEach((row, i) => {
      const has = columns.filter((_, c) => isPresent(batch.masks[2 * i]!, batch.masks[2 * i + 1]!, c));
      expect(has.map(({ name }) => name).sort()).toEqual(Object.keys(row).sort());
    });
    expect(rows[998]).toEqual({ pid: '998', eid: '0000000999' });
    expect(rows[999]).toEqual({ path: '/999', note: '', eid: '0000001000' });
  });

  it.each([
    ['small', 1],
    ['large', 1_000],
  ])('hands %s batches over, with memory of their own: a later row changes nothing of them', (_, rows) => {
    const writer = new RowBatchWriter(columns);
    const fill = (path: string): void => {
      for (let i = 0; i < rows; i++) writer.append({ path }, i);
    };
    fill('first');
    const batch = writer.take()!;
    const before = Buffer.from(batch.bytes);
    fill('other');
    const other = writer.take()!;
    expect(Buffer.from(batch.bytes)).toEqual(before);
    expect(other.bytes.buffer).not.toBe(batch.bytes.buffer);
    // Of what is sent no more than half is empty.
    for (const { bytes } of [batch, other]) {
      expect(bytes.buffer.byteLength).toBeLessThanOrEqual(2 * bytes.length);
    }
  });

  it('refuses a value its column cannot hold, and goes on without a hole', () => {
    const writer = new RowBatchWriter(columns);
    writer.append({ pid: 1 }, 1);
    expect(() => writer.append({ path: '/x'.repeat(100), pid: 0.5 }, 2)).toThrow(/pid/);
    expect(() => writer.append({ pid: Number.POSITIVE_INFINITY }, 2)).toThrow(/pid/);
    writer.append({ pid: 3 }, 3);
    expect(rowsIn(writer.take()!)).toEqual([
      { pid: '1', eid: '0000000001' },
      { pid: '3', eid: '0000000002' },
    ]);
  });
});
