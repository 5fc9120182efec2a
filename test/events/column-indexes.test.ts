import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../src/events/column-index.ts';
import { ColumnIndexes } from '../../src/events/column-indexes.ts';
import { integerKey, textKey } from '../../src/events/column-key.ts';
import { maskOf } from '../../src/events/encoded-row.ts';
import { selectionOf } from '../../src/events/row-filter.ts';
import { columns, contextOf, eidsOf, filledBuffer, rowsOf, type TestRow } from './event-rows.ts';

const EQ = 2;
const PID_AND_EID = maskOf([1, 4]);

describe('a lookup', () => {
  /** Rows of about a kilobyte: some thousand make packed segments. */
  const big = (pid: number | undefined, i: number): TestRow => ({
    path: `/usr/bin/program-${i}`,
    ...(pid === undefined ? {} : { pid }),
    note: `${i} `.repeat(200),
    time: i,
  });

  it('finds what reading finds, in rows that are packed, came since, or are gone', () => {
    const pids = fc.oneof(fc.nat(20), fc.constant(undefined));
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ append: fc.array(pids, { minLength: 1, maxLength: 700 }) }),
            fc.record({ find: fc.uniqueArray(fc.nat(22), { minLength: 1, maxLength: 3 }) }),
            fc.record({ keep: fc.integer({ min: 0, max: 4_000 }) }),
            fc.record({ expire: fc.nat(2_000) }),
          ),
          { minLength: 5, maxLength: 25 },
        ),
        fc.nat(200),
        (steps, seed) => {
          let count = 0;
          const next = (pid: number | undefined): TestRow => big(pid, count++);
          const { buffer, append } = filledBuffer(
            Array.from({ length: 3_000 }, (_, i) => next((i * i + seed) % 23)),
          );
          for (const step of steps) {
            if ('append' in step) append(step.append.map(next));
            else if ('keep' in step) buffer.setLimits({ rows: step.keep, bytes: 1e9 });
            else if ('expire' in step) buffer.expireBefore(step.expire);
            else {
              const { filter, lookups } = selectionOf(
                contextOf({ pid: step.find.map(pid => ({ op: EQ, expr: String(pid) })) }),
                columns,
                buffer.overheads,
              );
              const { from, to } = buffer.range;
              for (const range of [buffer.range, { from: from + seed, to: to - seed }]) {
                const read = rowsOf(buffer, range, PID_AND_EID, filter);
                for (let i = 0; i < 2; i++) {
                  expect(rowsOf(buffer, { ...range, lookups }, PID_AND_EID, filter)).toEqual(read);
                }
              }
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('finds whole rows by their number and time, one of many that are packed', () => {
    const all = Array.from({ length: 6_000 }, (_, i) => big(i, i));
    const { buffer } = filledBuffer(all);
    for (const i of [0, 1, 700, 701, 2_999, 5_998, 5_999]) {
      const { path, pid, note, time } = all[i]!;
      const row = { path, pid: String(pid), note, time: String(time), eid: String(i + 1).padStart(10, '0') };
      expect(rowsOf(buffer, { from: i + 1, to: i + 2 })).toEqual([row]);
      expect(rowsOf(buffer, { ...buffer.range, times: { from: i, to: i } })).toEqual([row]);
    }
    // Rows of two segments, and of all of them.
    const some = rowsOf(buffer, { from: 900, to: 1_100 });
    expect(eidsOf(some)).toEqual(Array.from({ length: 200 }, (_, i) => 900 + i));
    expect(rowsOf(buffer)).toHaveLength(6_000);
  });
});

describe('an index', () => {
  const lookup = (column: number): Lookup => ({ column, keyOf: integerKey, keys: [1] });
  const withClock = () => {
    const clock = { now: 0 };
    return { clock, indexes: new ColumnIndexes(new Uint32Array(10), () => clock.now) };
  };

  it('is made for a column that is looked up a second time soon', () => {
    const { clock, indexes } = withClock();
    expect(indexes.choose([lookup(1)])).toBeUndefined();
    clock.now += 9_999;
    const chosen = indexes.choose([lookup(1)]);
    expect(chosen).toMatchObject({ keys: [1] });
    expect(indexes.choose([lookup(2), lookup(1)])?.index).toBe(chosen!.index);
    clock.now += 10_000;
    expect(indexes.choose([lookup(2)])).toBeUndefined();
    expect(indexes.choose([])).toBeUndefined();
  });

  it('is kept for as long as it is used, and a while longer', () => {
    const { clock, indexes } = withClock();
    indexes.choose([lookup(1)]);
    const first = indexes.choose([lookup(1)])!.index;
    clock.now += 59_999;
    expect(indexes.choose([lookup(1)])!.index).toBe(first);
    clock.now += 60_000;
    indexes.forgetIdle();
    expect(indexes.choose([lookup(1)])).toBeUndefined();
  });

  it('is dropped for those of other columns', () => {
    const { indexes } = withClock();
    for (let column = 0; column < 5; column++) {
      indexes.choose([lookup(column)]);
      expect(indexes.choose([lookup(column)])).toBeDefined();
    }
    expect(indexes.choose([lookup(4)])).toBeDefined();
    expect(indexes.choose([lookup(0)])).toBeUndefined();
  });
});

describe('keys', () => {
  const keyOf = (text: string): number => {
    const bytes = Buffer.from(`before${text}behind`);
    return textKey(bytes, 6, bytes.length - 6);
  };

  it('of text that SQL may hold equal are the same', () => {
    for (const [one, other] of [
      ['/bin/LS', '/BIN/ls  '],
      ['0755', '755'],
      [' 7.50e2', '750'],
      ['-0', '+0.0'],
      ['1e400', '1E999'],
    ] as const)
      expect(keyOf(one), `${one} and ${other}`).toBe(keyOf(other));
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(5), (number, blanks) => {
        const text = String(number);
        expect(keyOf(`${' '.repeat(blanks)}${text.toUpperCase()}${' '.repeat(blanks)}`)).toBe(keyOf(text));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), text => {
        expect(keyOf(`${text.toUpperCase()} `)).toBe(keyOf(text.toLowerCase()));
      }),
    );
  });

  it('of other values differ, as a rule', () => {
    const keys = new Set(Array.from({ length: 50_000 }, (_, i) => keyOf(`${1_700_000_000 + i}.123:${i}`)));
    expect(keys.size).toBeGreaterThan(49_980);
    const numbers = new Set(Array.from({ length: 50_000 }, (_, i) => keyOf(String(i))));
    expect(numbers.size).toBeGreaterThan(49_980);
  });
});
