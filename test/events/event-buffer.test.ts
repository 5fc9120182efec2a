import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { EncodedRows, PluginRow } from 'osquery-extension-ts';
import { bytesOf, decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it, vi } from 'vitest';
import { maskOf } from '../../src/events/encoded-row.ts';
import {
  EQUAL_SHARE,
  type EventBuffer,
  type EventBufferLimits,
  type RowSpan,
  UNPACKED_FACTOR,
} from '../../src/events/event-buffer.ts';
import { unpackRows } from '../../src/events/packing.ts';
import { isPackedBatch, type PackedBatch, type StoredBatch } from '../../src/events/row-batch.ts';
import { ROW_INDEX_BYTES } from '../../src/events/segment.ts';
import type { RowFilter } from '../../src/events/stored-rows.ts';
import {
  columns,
  EVERY_COLUMN,
  eidsOf,
  filledBuffer,
  NO_LIMITS,
  newBuffer,
  rowsOf,
  type TestRow,
} from './event-rows.ts';

const row = (time: number, path = '/x'): TestRow => ({ path, pid: time, time });
const rows = (count: number): TestRow[] => Array.from({ length: count }, (_, i) => row(100 + i));
const PATH_AND_EID = maskOf([0, 4]);

const unpacked = (batch: StoredBatch | PackedBatch): Uint8Array =>
  isPackedBatch(batch) ? unpackRows(batch.packed, batch.length) : batch.bytes;
/** Of rows that are not packed. */
const open = (batch: StoredBatch | PackedBatch | undefined): StoredBatch => batch as StoredBatch;

describe('EventBuffer', () => {
  it('gives rows back as they came, oldest first', () => {
    const { buffer } = filledBuffer([
      { path: '/bin/echo', pid: 5, note: '', time: 100 },
      { path: 'Grüße', time: 101 },
    ]);
    expect(rowsOf(buffer)).toEqual([
      { path: '/bin/echo', pid: '5', note: '', time: '100', eid: '0000000001' },
      { path: 'Grüße', time: '101', eid: '0000000002' },
    ]);
    expect(buffer).toMatchObject({ rowCount: 2, range: { from: 1, to: 3 } });
  });

  it('is empty at first', () => {
    expect(newBuffer()).toMatchObject({ rowCount: 0, byteCount: 0, range: { from: 1, to: 1 } });
    expect(rowsOf(newBuffer())).toEqual([]);
  });

  it('leaves out the columns nobody asked for', () => {
    const { buffer } = filledBuffer([{ path: '/a', pid: 1, note: 'n', time: 1 }, row(2)]);
    expect(rowsOf(buffer, buffer.range, PATH_AND_EID)).toEqual([
      { path: '/a', eid: '0000000001' },
      { path: '/x', eid: '0000000002' },
    ]);
    expect(rowsOf(buffer, buffer.range, maskOf([2]))).toEqual([{ note: 'n' }, {}]);
    expect(rowsOf(buffer, buffer.range, maskOf([]))).toEqual([{}, {}]);
  });

  it('hands rows wanted whole out as one chunk, without a copy', () => {
    const { buffer } = filledBuffer(rows(100));
    const first = buffer.select(buffer.range, EVERY_COLUMN);
    const second = buffer.select(buffer.range, EVERY_COLUMN);
    const [chunk, ...others] = bytesOf(first.chunks);
    expect(others).toHaveLength(0);
    expect(chunk!.buffer).toBe([...bytesOf(second.chunks)][0]!.buffer);
  });

  it('keeps the newest rows, and counts what it drops', () => {
    const { buffer, append } = filledBuffer(rows(5), { rows: 3, bytes: 1e9 });
    expect(eidsOf(rowsOf(buffer))).toEqual([3, 4, 5]);
    expect(buffer.counters).toMatchObject({ appended: 5, evicted: 2, evictedUnread: 2 });
    buffer.markRead(5);
    append(rows(3));
    expect(eidsOf(rowsOf(buffer))).toEqual([6, 7, 8]);
    // Of 3, 4 and 5 only the last had not been returned.
    expect(buffer.counters).toMatchObject({ appended: 8, evicted: 5, evictedUnread: 3 });
  });

  it('keeps its bytes within the limit', () => {
    const { buffer } = filledBuffer(rows(10));
    const one = buffer.byteCount / 10;
    buffer.setLimits({ rows: 1e9, bytes: 4 * one + 1 });
    expect(buffer).toMatchObject({ rowCount: 4, byteCount: 4 * one });
    expect(eidsOf(rowsOf(buffer))).toEqual([7, 8, 9, 10]);
  });

  it('keeps nothing where nothing may be kept', () => {
    const { buffer, append } = filledBuffer(rows(3), { rows: 0, bytes: 1e9 });
    expect(buffer).toMatchObject({ rowCount: 0, byteCount: 0, range: { from: 4, to: 4 } });
    append(rows(1));
    buffer.setLimits(NO_LIMITS);
    append(rows(1));
    expect(eidsOf(rowsOf(buffer))).toEqual([5]);
  });

  it('drops rows by age, wherever they are', () => {
    // The clock was ahead at first, then set right.
    const { buffer } = filledBuffer([row(9_000), row(100), row(101), row(103), row(102)]);
    buffer.expireBefore(102);
    expect(eidsOf(rowsOf(buffer))).toEqual([1, 4, 5]);
    expect(buffer.rowCount).toBe(3);
    expect(buffer.counters).toMatchObject({ expired: 2, expiredUnread: 2, evicted: 0 });
    buffer.markRead(5);
    buffer.expireBefore(10_000);
    expect(buffer).toMatchObject({ rowCount: 0, byteCount: 0 });
    expect(buffer.counters).toMatchObject({ expired: 5, expiredUnread: 3 });
  });

  it('does not count as evicted what a SELECT had consumed', () => {
    const { buffer, append } = filledBuffer(rows(4), { rows: 4, bytes: 1e9 });
    const consumed = buffer.select(buffer.range, EVERY_COLUMN, {
      filter: ({ eid }) => eid === 2 || eid === 3,
      consume: true,
    });
    expect(eidsOf(decodeRows(consumed))).toEqual([2, 3]);
    expect(eidsOf(rowsOf(buffer))).toEqual([1, 4]);
    append(rows(4));
    expect(eidsOf(rowsOf(buffer))).toEqual([5, 6, 7, 8]);
    expect(buffer.counters).toMatchObject({ evicted: 2, evictedUnread: 2 });
  });

  describe('where there is no room for the rows of all', () => {
    const FLOOD = 1;
    const WITNESS = 2;
    /** Rows of the flood, and one of the witness among them. */
    const mixed = (
      append: (rows: readonly TestRow[], owner: number) => void,
      turns: number,
      path = '/x',
    ): void => {
      for (let i = 0; i < turns; i++) {
        append(
          Array.from({ length: 50 }, (_, j) => row(1_000 * i + j, path)),
          FLOOD,
        );
        append([row(1_000 * i, '/witness')], WITNESS);
      }
    };
    const witnesses = (buffer: EventBuffer): number =>
      rowsOf(buffer).filter(({ path }) => path === '/witness').length;

    it('takes the oldest of whoever has most', () => {
      const { buffer, append } = filledBuffer([], { rows: 500, bytes: 1e9 });
      mixed(append, 200);
      expect(witnesses(buffer)).toBe(200);
      expect(buffer.rowCount).toBe(500);
      expect(buffer.counters).toMatchObject({ evicted: 200 * 51 - 500 });
      const flood = rowsOf(buffer).filter(({ path }) => path === '/x');
      expect(flood[0]).toEqual({ path: '/x', pid: '194000', time: '194000', eid: expect.any(String) });
      const eids = eidsOf(rowsOf(buffer));
      expect(eids).toEqual(eids.toSorted((a, b) => a - b));
    });

    it('does so by bytes, too, packed or not, and holds no more memory than that', () => {
      const { buffer, append } = filledBuffer([], { rows: 1e9, bytes: 4e6 });
      for (let i = 0; i < 300; i++) {
        append([row(i, randomBytes(100_000).toString('latin1'))], FLOOD);
        append([row(i, '/witness')], WITNESS);
      }
      expect(witnesses(buffer)).toBe(300);
      expect(buffer.byteCount).toBeLessThanOrEqual(4e6);
      // What packs to nearly nothing still comes to as much in an answer.
      for (let i = 0; i < 300; i++) append([row(i, 'x'.repeat(250_000))], FLOOD);
      const answer = bytesOf(buffer.select(buffer.range, EVERY_COLUMN).chunks);
      expect([...answer].reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(
        UNPACKED_FACTOR * 4e6,
      );
      expect(witnesses(buffer)).toBe(300);
    });

    it('gathers what is left, so that a row does not keep the memory of all that came with it', () => {
      const { buffer, append } = filledBuffer([], { rows: 2_000, bytes: 1e9 });
      mixed(append, 1_000, `/usr/bin/${'x'.repeat(400)}`);
      expect(witnesses(buffer)).toBe(1_000);
      const memory = buffer
        .batches(buffer.range)
        .reduce(
          (sum, batch) => sum + (isPackedBatch(batch) ? batch.packed : batch.bytes).buffer.byteLength,
          0,
        );
      // Of the thousand, each alone would keep a megabyte.
      expect(
        new Set(buffer.batches(buffer.range).map(batch => 'bytes' in batch && batch.bytes.buffer)).size,
      ).toBeLessThan(12);
      expect(memory).toBeGreaterThan(0);
    });

    it('shares the room out where several want more than there is', () => {
      const { buffer, append } = filledBuffer([], { rows: 3_000, bytes: 1e9 });
      for (let i = 0; i < 3_000; i++) {
        for (let owner = 0; owner < 3; owner++) append([row(i, String(owner))], owner);
        if (i % 10 === 0) append([row(i, 'little')], 9);
      }
      const counts = Map.groupBy(rowsOf(buffer), ({ path }) => path);
      expect(counts.get('little')).toHaveLength(300);
      for (const path of ['0', '1', '2']) {
        expect(counts.get(path)!.length).toBeGreaterThan(900 * (1 - 2 / EQUAL_SHARE));
      }
    });

    it('counts what is kept beside rows, and takes it back', () => {
      const { buffer, append } = filledBuffer([], { rows: 1e9, bytes: 1e6 });
      append([row(1, '/witness')], WITNESS);
      for (let i = 0; i < 100; i++) {
        append([row(i)], FLOOD);
        buffer.charge(buffer.range.to - 1, 100_000);
      }
      append([row(0)], FLOOD);
      expect(buffer.byteCount).toBeLessThanOrEqual(1e6);
      expect(buffer.rowCount).toBeLessThanOrEqual(12);
      expect(witnesses(buffer)).toBe(1);
      buffer.charge(3, 100_000);
      expect(buffer.has(3)).toBe(false);
      buffer.discardBelow(buffer.range.to);
      expect(buffer.byteCount).toBe(0);
    });

    it('bears more owners than it can tell apart', () => {
      const { buffer, append } = filledBuffer([], { rows: 3_000, bytes: 1e9 });
      for (let owner = 0; owner < 5_000; owner++) append([row(owner)], owner);
      expect(buffer.rowCount).toBe(3_000);
      for (let i = 0; i < 3_000; i++) append([row(i)], 7);
      expect(buffer.rowCount).toBe(3_000);
    });
  });

  it('has after a restart what is there, in its order, and nothing that was consumed', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 6 }),
        owner: fc.nat(2),
      }),
      fc.record({ kind: fc.constant('consume' as const), modulus: fc.integer({ min: 2, max: 3 }) }),
      fc.record({ kind: fc.constant('limit' as const), rows: fc.integer({ min: 1, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), steps => {
        const { buffer, append } = filledBuffer([]);
        const onDisk: StoredBatch[] = [];
        const consumed = new Set<number>();
        let savedTo = 1;
        for (const one of steps) {
          if (one.kind === 'append') {
            append(
              Array.from({ length: one.count }, (_, i) => row(i, 'x'.repeat(200_000))),
              one.owner,
            );
            for (const batch of buffer.batches({ from: savedTo, to: buffer.range.to })) {
              onDisk.push({ ...batch, bytes: unpacked(batch) });
            }
            savedTo = buffer.range.to;
          } else if (one.kind === 'consume') {
            const filter: RowFilter = ({ eid }) => eid % one.modulus === 0;
            for (const eid of eidsOf(
              decodeRows(buffer.select(buffer.range, EVERY_COLUMN, { filter, consume: true })),
            )) {
              consumed.add(eid);
            }
          } else buffer.setLimits({ rows: one.rows, bytes: 1e12 });
        }
        const restored = newBuffer();
        restored.restore(
          take => {
            for (const batch of onDisk) take({ ...batch, owners: new Uint32Array(batch.ends.length) });
          },
          JSON.parse(JSON.stringify(buffer.save())),
        );
        const eids = eidsOf(rowsOf(restored));
        expect(eids).toEqual(eids.toSorted((a, b) => a - b));
        expect(eids).toEqual(expect.arrayContaining(eidsOf(rowsOf(buffer))));
        expect(eids.filter(eid => consumed.has(eid))).toEqual([]);
        expect(restored.range).toEqual(buffer.range);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves what it handed out as it was', () => {
    const { buffer, append } = filledBuffer(rows(10), { rows: 10, bytes: 1e9 });
    const whole = buffer.select(buffer.range, EVERY_COLUMN);
    const projected = buffer.select(buffer.range, PATH_AND_EID);
    const before = [decodeRows(whole), decodeRows(projected)];
    append(rows(20_000));
    buffer.expireBefore(1e9);
    append(rows(20_000));
    expect([decodeRows(whole), decodeRows(projected)]).toEqual(before);
  });

  it('leaves what is read for keeping as it is until it is given back, and then uses the memory again', () => {
    const { buffer, append } = filledBuffer([]);
    const megabyte = (): TestRow[] => Array.from({ length: 16 }, (_, i) => row(i, 'x'.repeat(60_000)));
    const last = (): StoredBatch =>
      open(buffer.batches({ from: buffer.range.to - 1, to: buffer.range.to })[0]);
    append(megabyte());
    const kept = last();
    const before = Buffer.from(kept.bytes);
    for (let i = 0; i < 5; i++) append(megabyte());
    expect(before.equals(kept.bytes)).toBe(true);

    const read = last();
    buffer.giveBack([read]);
    const memory = read.bytes.buffer;
    append(megabyte());
    expect(last().bytes.buffer).not.toBe(memory);
    append(megabyte());
    expect(last().bytes.buffer).toBe(memory);
    expect(eidsOf(rowsOf(buffer))).toEqual(Array.from({ length: 128 }, (_, i) => i + 1));
  });

  it('packs what is kept whole and is worth it, and goes on behind it', () => {
    const { buffer, append } = filledBuffer([row(1, 'x'.repeat(40_000)), row(2, 'y'.repeat(40_000))]);
    const [batch, ...others] = buffer.batches(buffer.range) as PackedBatch[];
    expect(others).toEqual([]);
    expect(batch).toMatchObject({ firstEid: 1, length: 80_128, times: Float64Array.of(1, 2) });
    expect(batch!.packed.length).toBeLessThan(500);
    expect([...batch!.ends]).toEqual([40_064, 80_128]);
    expect(buffer.byteCount).toBe(batch!.packed.length + 2 * ROW_INDEX_BYTES);
    append([row(3), row(4)]);
    expect(eidsOf(rowsOf(buffer))).toEqual([1, 2, 3, 4]);
    // Two rows are no more than they were; neither is a part of what was packed before.
    expect(buffer.batches({ from: 2, to: 5 }).map(isPackedBatch)).toEqual([false, false]);
    expect(buffer.batches({ from: 2, to: 5 }).map(batch => open(batch).bytes.length)).toEqual([40_064, 132]);
    buffer.discardBelow(3);
    expect(eidsOf(rowsOf(buffer))).toEqual([3, 4]);
  });

  it('uses the memory of rows that were dropped again, if no SELECT has them', () => {
    const { buffer, append } = filledBuffer(rows(3));
    const memory = (): ArrayBufferLike => {
      const batches = buffer.batches(buffer.range);
      buffer.giveBack(batches);
      return open(batches[0]).bytes.buffer;
    };
    const first = memory();
    buffer.discardBelow(4);
    append(rows(3));
    expect(memory()).toBe(first);
    const selected = buffer.select(buffer.range, EVERY_COLUMN);
    buffer.discardBelow(7);
    append(rows(3));
    expect(memory()).not.toBe(first);
    expect(eidsOf(decodeRows(selected))).toEqual([4, 5, 6]);
  });

  it('gives the memory of rows that have gone back at once', () => {
    const { buffer, append } = filledBuffer([], { rows: 1e6, bytes: 4_000_000 });
    const { transfer } = ArrayBuffer.prototype;
    let givenBack = 0;
    vi.spyOn(ArrayBuffer.prototype, 'transfer').mockImplementation(function (this: ArrayBuffer, length) {
      if (length === 0) givenBack += this.byteLength;
      return transfer.call(this, length);
    });
    // 60 MB, which pack to half of it.
    for (let i = 0; i < 300; i++) append([row(i, randomBytes(100_000).toString('hex'))]);
    vi.restoreAllMocks();
    expect(buffer.counters.evicted).toBeGreaterThan(250);
    expect(givenBack).toBeGreaterThan(20_000_000);
  });

  it('leaves the memory of rows that have gone to whoever still has it', () => {
    const { buffer, append } = filledBuffer([], { rows: 1e6, bytes: 1_000_000 });
    const texts = Array.from({ length: 20 }, () => randomBytes(50_000).toString('hex'));
    append(texts.slice(0, 10).map((text, i) => row(i, text)));
    const batches = buffer.batches(buffer.range) as PackedBatch[];
    const selected = buffer.select(buffer.range, EVERY_COLUMN);
    append(texts.slice(10).map((text, i) => row(i, text)));
    append(texts.map((text, i) => row(i, text)));
    expect(buffer.range.from).toBeGreaterThan(20);
    for (const batch of batches) {
      const text = Buffer.from(unpacked(batch)).toString('latin1');
      expect(texts.some(one => text.includes(one))).toBe(true);
    }
    buffer.giveBack(batches);
    expect(decodeRows(selected).every(({ path }) => texts.includes(path!))).toBe(true);
  });

  it('holds rows of any length over any number of segments', () => {
    const lengths = [10, 2_000_000, 5, 1_048_576, 400_000, 400_000, 400_000, 3];
    const { buffer } = filledBuffer(lengths.map((length, i) => row(i, 'x'.repeat(length))));
    expect(rowsOf(buffer).map(({ path }) => path!.length)).toEqual(lengths);
    expect(rowsOf(buffer, buffer.range, maskOf([0])).map(({ path }) => path!.length)).toEqual(lengths);
    buffer.setLimits({ rows: 3, bytes: 1e12 });
    expect(rowsOf(buffer).map(({ path }) => path!.length)).toEqual([400_000, 400_000, 3]);
  });

  it('keeps the order of rows handed out in place and rows copied, however long', () => {
    const { buffer } = filledBuffer([
      row(1),
      { ...row(2), note: 'copied' },
      { ...row(3, 'x'.repeat(70_000)), note: 'copied' },
      row(4),
      { ...row(5), note: 'copied' },
    ]);
    const withoutNote = maskOf([0, 1, 3, 4]);
    expect(eidsOf(rowsOf(buffer, buffer.range, withoutNote))).toEqual([1, 2, 3, 4, 5]);
  });

  it('reads no more than the rows it has, whatever range is asked for', () => {
    const { buffer } = filledBuffer(rows(5), { rows: 3, bytes: 1e9 });
    const eids = (from: number, to: number): number[] => eidsOf(rowsOf(buffer, { from, to }));
    expect(eids(0, 100)).toEqual([3, 4, 5]);
    expect(eids(4, 5)).toEqual([4]);
    expect(eids(5, 4)).toEqual([]);
    expect(eids(6, 9)).toEqual([]);
    expect(eids(-5, 0)).toEqual([]);
  });

  describe('against an array of rows', () => {
    interface ModelRow {
      readonly eid: number;
      readonly time: number;
      readonly row: PluginRow;
      readonly owner: number;
      gone: boolean;
    }

    /** What the buffer should do, said with an array. */
    class Model {
      rows: ModelRow[] = [];
      limits: EventBufferLimits = NO_LIMITS;
      nextEid = 1;
      readUpTo = 1;
      counters = { appended: 0, evicted: 0, evictedUnread: 0, expired: 0, expiredUnread: 0 };

      get live(): ModelRow[] {
        return this.rows.filter(({ gone }) => !gone);
      }
      #trim(): void {
        while (this.rows[0]?.gone) this.rows.shift();
      }
      evict(): void {
        for (let excess = this.#excess(); excess > 0; excess = this.#excess()) {
          const counts = this.#owners.map(owner => this.live.filter(row => row.owner === owner).length);
          const most = Math.max(...counts);
          const heaviest = this.#owners[counts.indexOf(most)];
          const next = counts.toSorted((a, b) => b - a)[1] ?? 0;
          const least = next - next / EQUAL_SHARE;
          const evicted = Math.max(1, Math.ceil(Math.min(excess, most - least)));
          for (const row of this.live.filter(({ owner }) => owner === heaviest).slice(0, evicted)) {
            row.gone = true;
            this.counters.evicted++;
            if (row.eid >= this.readUpTo) this.counters.evictedUnread++;
          }
        }
        this.#trim();
      }
      #excess(): number {
        return this.live.length - this.limits.rows;
      }
      /** In the order in which they came. */
      readonly #owners: number[] = [];
      append(row: TestRow, owner: number): void {
        if (!this.#owners.includes(owner)) this.#owners.push(owner);
        const text: Record<string, string> = {};
        for (const [name, value] of Object.entries(row)) if (value !== undefined) text[name] = String(value);
        text.eid = String(this.nextEid).padStart(10, '0');
        this.rows.push({ eid: this.nextEid++, time: row.time, row: text, owner, gone: false });
        this.counters.appended++;
      }
      expire(time: number): void {
        for (const row of this.live) {
          if (row.time >= time) continue;
          row.gone = true;
          this.counters.expired++;
          if (row.eid >= this.readUpTo) this.counters.expiredUnread++;
        }
        this.#trim();
      }
      discard(eid: number): void {
        this.rows = this.rows.filter(row => row.eid >= eid);
        this.#trim();
      }
      select(
        { from, to, times }: RowSpan,
        wanted: readonly number[],
        modulus: number,
        consume: boolean,
      ): PluginRow[] {
        const found = this.live.filter(
          ({ eid, time }) =>
            eid >= from &&
            eid < to &&
            eid % modulus === 0 &&
            (times === undefined || (time >= times.from && time <= times.to)),
        );
        for (const row of found) row.gone ||= consume;
        this.#trim();
        const names = wanted.map(i => columns[i]!.name as string);
        return found.map(({ row }) =>
          Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name))),
        );
      }
    }

    const testRow: fc.Arbitrary<TestRow> = fc.record({
      path: fc.option(
        fc.oneof(fc.string({ maxLength: 6, unit: 'grapheme' }), {
          weight: 1,
          arbitrary: fc.integer({ min: 60_000, max: 300_000 }).map(length => 'x'.repeat(length)),
        }),
        { nil: undefined },
      ),
      pid: fc.option(fc.integer(), { nil: undefined }),
      note: fc.option(fc.string({ maxLength: 6 }), { nil: undefined }),
      time: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 100, max: 120 }) }, fc.constant(1_000)),
    }) as fc.Arbitrary<TestRow>;
    const operation = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          rows: fc.array(testRow, { maxLength: 8 }),
          owner: fc.nat(3),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant('select' as const),
          from: fc.nat(30),
          length: fc.nat(40),
          wanted: fc.subarray([0, 1, 2, 3, 4]),
          times: fc.option(
            fc.record({ from: fc.integer({ min: 95, max: 125 }), to: fc.integer({ min: 95, max: 125 }) }),
            { nil: undefined },
          ),
          modulus: fc.integer({ min: 1, max: 4 }),
          consume: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('keep' as const),
          from: fc.nat(30),
          isGivenBack: fc.boolean(),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('expire' as const),
          time: fc.integer({ min: 95, max: 125 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('discard' as const), eid: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('markRead' as const), eid: fc.nat(40) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('limit' as const),
          rows: fc.nat(20),
          bytes: fc.constant(1e9),
        }),
      },
    );

    it('answers and counts the same, whatever happens to it', () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 40 }), operations => {
          const { buffer, append } = filledBuffer([]);
          const model = new Model();
          const handedOut: (readonly [EncodedRows, PluginRow[]])[] = [];
          const kept: (readonly [StoredBatch | PackedBatch, Buffer])[] = [];
          for (const step of operations) {
            switch (step.kind) {
              case 'append':
                append(step.rows, step.owner);
                for (const one of step.rows) model.append(one, step.owner);
                model.evict();
                break;
              case 'select': {
                const { from, length, times, wanted, modulus, consume } = step;
                const expected = model.select({ from, to: from + length, times }, wanted, modulus, consume);
                const found = buffer.select({ from, to: from + length, times }, maskOf(wanted), {
                  filter: modulus === 1 ? undefined : ({ eid }) => eid % modulus === 0,
                  consume,
                });
                expect(found.count).toBe(expected.length);
                expect(decodeRows(found)).toEqual(expected);
                handedOut.push([found, expected]);
                break;
              }
              case 'keep': {
                const batches = buffer.batches({ from: step.from, to: buffer.range.to });
                if (step.isGivenBack) buffer.giveBack(batches);
                else for (const batch of batches) kept.push([batch, Buffer.from(unpacked(batch))]);
                break;
              }
              case 'expire':
                buffer.expireBefore(step.time);
                model.expire(step.time);
                break;
              case 'discard':
                buffer.discardBelow(step.eid);
                model.discard(step.eid);
                break;
              case 'markRead':
                buffer.markRead(step.eid);
                model.readUpTo = Math.max(model.readUpTo, step.eid);
                break;
              case 'limit':
                buffer.setLimits(step);
                model.limits = step;
                model.evict();
                break;
            }
            expect(buffer.rowCount).toBe(model.live.length);
            expect(buffer.counters).toEqual(model.counters);
            expect(buffer.range).toEqual({ from: model.rows[0]?.eid ?? model.nextEid, to: model.nextEid });
          }
          expect(rowsOf(buffer)).toEqual(model.live.map(({ row }) => row));
          for (const [encoded, expected] of handedOut) expect(decodeRows(encoded)).toEqual(expected);
          for (const [batch, expected] of kept) expect(expected.equals(unpacked(batch))).toBe(true);
        }),
        { numRuns: 120 },
      );
    });
  });
});
