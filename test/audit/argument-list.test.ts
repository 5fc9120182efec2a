import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentList } from '../../src/audit/argument-list.ts';
import { execveFields, record } from './kernel-records.ts';

const AUDIT_EXECVE = 1309;

const listOf = (fields: readonly string[], enough: number): ArgumentList => {
  const list = new ArgumentList(enough);
  for (const text of fields) {
    const { bytes, ...rest } = record(AUDIT_EXECVE, text);
    list.push({ bytes, ...rest });
    // Records lie in memory that is written again.
    bytes.fill('#');
  }
  return list;
};
const areLost = () => false;

const argument = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'x', 'y z', '"', '☃', '/usr/bin/true') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 20_000 }), fc.constantFrom('x', 'y '))
      .map(([length, text]) => text.repeat(length)),
  },
);
const argumentList = fc.array(argument, { minLength: 1, maxLength: 12 });

describe('ArgumentList', () => {
  it('has the first arguments, as far as they are wanted, and the size of all', () => {
    fc.assert(
      fc.property(argumentList, fc.integer({ min: 0, max: 30_000 }), (argv, enough) => {
        const found = listOf(execveFields(argv), enough).end(areLost)!;
        const whole = argv.slice(0, found.argv.length);
        const last = found.argv.length - 1;
        expect(found.argv.slice(0, last)).toEqual(whole.slice(0, last));
        // As much of the last one as there was room for; its last character may be in pieces.
        expect(whole[last]!.startsWith(found.argv[last]!.slice(0, -4))).toBe(true);
        if (found.wholeBytes === undefined) expect(found.argv).toEqual(argv);
        else {
          expect(found.wholeBytes).toBe(Buffer.byteLength(argv.join(' ')));
          const kept = found.argv.reduce((sum, text) => sum + Buffer.byteLength(text) + 3, 0);
          expect(kept).toBeGreaterThan(enough);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('takes no more memory than what is wanted, whatever is on the command line', () => {
    const enough = 65_536;
    for (const argv of [
      Array.from({ length: 40 }, () => 'x'.repeat(130_000)),
      Array.from({ length: 100_000 }, () => ''),
      ['x'.repeat(2_000_000)],
    ]) {
      const list = new ArgumentList(enough);
      let most = 0;
      for (const text of execveFields(argv)) {
        list.push(record(AUDIT_EXECVE, text));
        most = Math.max(most, list.size);
      }
      expect(most).toBeLessThan(4 * enough);
      const { argv: first, wholeBytes } = list.end(areLost)!;
      expect(first.length).toBeLessThan(enough / 3 + 2);
      expect(wholeBytes).toBe(argv.join(' ').length);
    }
  });

  it('misses a record that is lost, and one that comes in another order, also behind what is wanted', () => {
    const fields = execveFields(Array.from({ length: 30 }, (_, i) => `${i}`.repeat(2_000)));
    expect(fields.length).toBeGreaterThan(5);
    for (let i = 0; i < fields.length; i++) {
      expect(listOf(fields.toSpliced(i, 1), 1_000).end(areLost)).toBeUndefined();
      if (i > 0)
        expect(
          listOf(fields.toSpliced(i - 1, 2, fields[i]!, fields[i - 1]!), 1_000).end(areLost),
        ).toBeUndefined();
    }
    expect(listOf(fields, 1_000).end(areLost)).toBeDefined();
  });

  it('counts damage, also behind what is wanted', () => {
    const list = listOf(['argc=3 a0="x" a1="y"', 'a2=6', 'a2="z'], 0);
    expect(list.end(areLost)).toBeUndefined();
    expect(list.damaged).toBe(2);
  });

  it('of the list for a script and the one for its interpreter takes the longer one', () => {
    const script = 'argc=3 a0="/bin/sh" a1="/x" a2="one"';
    const interpreter = 'argc=2 a0="/x" a1="one"';
    for (const order of [
      [script, interpreter],
      [interpreter, script],
    ]) {
      expect(listOf(order, 1_000).end(areLost)).toEqual({ argv: ['/bin/sh', '/x', 'one'] });
    }
  });

  it('takes any fields, cut at any byte, without throwing', () => {
    const fields = execveFields(['/bin/true', 'x y'.repeat(3_000), '']).map(text =>
      text.replace(/[x ]{20,}/, 'x'),
    );
    fc.assert(
      fc.property(fc.nat(9_000), fc.nat(fields.length - 1), (end, which) => {
        const found = listOf(fields.toSpliced(which, 1, fields[which]!.slice(0, end)), 1_000).end(areLost);
        expect(found === undefined || found.argv.length <= 3).toBe(true);
      }),
    );
  });
});
