import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARGUMENT_LIMIT } from '../../src/audit/argument-list.ts';
import { joinArguments, joinFirstArguments } from '../../src/audit/execve.ts';
import { decodeText } from '../../src/audit/value.ts';
import { type Bytes, bytesOf, execveFields, record } from './kernel-records.ts';

const AUDIT_EXECVE = 1309;
const join = (...fields: readonly string[]): string[] | undefined =>
  joinArguments(fields.map(text => record(AUDIT_EXECVE, text)));
/** As of a kernel before Linux 4.8. */
const joinOld = (...fields: readonly string[]): string[] | undefined =>
  joinArguments(
    fields.map(text => record(AUDIT_EXECVE, text)),
    () => true,
  );
const asText = (argv: readonly Bytes[]): string[] => argv.map(argument => decodeText(bytesOf(argument)));

const argument = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ max: 255, maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }).map(bytesOf) },
  {
    weight: 2,
    arbitrary: fc
      .record({ length: fc.integer({ min: 3_000, max: 24_000 }), byte: fc.constantFrom(0x78, 0x20, 0xff) })
      .map(({ length, byte }) => Buffer.alloc(length, byte)),
  },
  // Around the sizes at which the kernel changes its mind.
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(3_650, 3_700, 7_300, 7_400, 7_500, 15_000), fc.integer({ min: -110, max: 5 }))
      .map(([length, delta]) => Buffer.alloc(length + delta, 'y')),
  },
);
const argumentList = fc
  .array(argument, { minLength: 1, maxLength: 9 })
  .map(argv => argv.map(bytes => Buffer.from(bytes.map(byte => byte || 1))));

describe('joinArguments', () => {
  it('reads quoted and hex arguments in order', () => {
    expect(join('argc=4 a0="/bin/echo" a1="one" a2=74776F207468726565 a3=""')).toEqual([
      '/bin/echo',
      'one',
      'two three',
      '',
    ]);
  });

  it('makes no text of arguments that begin behind what is enough, and counts their bytes', () => {
    const argv = Array.from({ length: 60 }, (_, i) => `${i}`.padStart(1_000, 'x'));
    const records = execveFields(argv).map(text => record(AUDIT_EXECVE, text));
    const joined = joinFirstArguments(records, () => false, 10_000)!;
    expect(joined.argv).toEqual(argv.slice(0, joined.argv.length));
    expect(joined.argv.length).toBeGreaterThanOrEqual(10);
    expect(joined.argv.length).toBeLessThan(13);
    expect(joined.wholeBytes).toBe(argv.join(' ').length);
    // One that is lost is missed all the same.
    expect(joinFirstArguments(records.slice(0, -1), () => false, 10_000)).toBeUndefined();
  });

  it('keeps numeric order beyond ten arguments', () => {
    const argv = Array.from({ length: 60 }, (_, i) => `arg${i}`);
    expect(join(...execveFields(argv))).toEqual(argv);
  });

  // What peers lose or misread.
  it.each([
    ['a literal ?', '?'],
    ['(null)', '(null)'],
    ['(none)', '(none)'],
    ['what looks like hex', 'DEADBEEF'],
    ['a number', '1000'],
    ['an empty one', ''],
    ['a quote inside', 'a"b'],
    ['a quote at the end', 'tail"'],
    ['a trailing backslash', 'back\\slash\\'],
    ['a newline', 'new\nline'],
    ['a tab', 'tab\t'],
    ['an apostrophe', "'"],
    ['another argument’s name', 'a1="x"'],
    ['a count of arguments', 'argc=1'],
    ['a fragment’s name', 'a1[0]=61'],
    ['UTF-8', 'Grüße ☃ 𝄞'],
    ['a terminal sequence', '\x1b]0;x\x07'],
  ])('%s keeps its value and its neighbours', (_, odd) => {
    const argv = ['/bin/true', odd, 'next', odd, odd, 'last'];
    expect(join(...execveFields(argv))).toEqual(argv);
  });

  it('escapes bytes that are not UTF-8', () => {
    expect(join('argc=2 a0="x" a1=FFFE61')).toEqual(['x', '\\xFF\\xFEa']);
  });

  it('joins 900 arguments of 66 bytes over several records', () => {
    const argv = ['/bin/true', ...Array.from({ length: 900 }, (_, i) => String(i).padEnd(66, 'x'))];
    const fields = execveFields(argv);
    expect(fields.length).toBeGreaterThan(5);
    expect(join(...fields)).toEqual(argv);
  });

  it.each([
    ['plain', 'x'.repeat(90_000)],
    ['with spaces', 'x y'.repeat(30_000)],
    ['of UTF-8 cut between two fragments', '☃'.repeat(30_000)],
    ['of a whole buffer of the kernel', 'x'.repeat(7_500)],
  ])('joins a long argument %s', (_, long) => {
    const argv = ['/bin/true', long, 'after'];
    expect(join(...execveFields(argv))).toEqual(argv);
  });

  it('joins an argument that is in fragments only because its record was full', () => {
    const argv = ['x'.repeat(7_000), 'y'.repeat(700), 'z'];
    const fields = execveFields(argv);
    expect(fields.join()).toContain(' a1_len=700 a1[0]="y');
    expect(join(...fields)).toEqual(argv);
  });

  it('takes a length in bytes for fragments in hex as well', () => {
    expect(join('argc=1 a0_len=4 a0[0]=6162', 'a0[1]=6364')).toEqual(['abcd']);
    expect(join('argc=1 a0_len=8 a0[0]=6162', 'a0[1]=6364')).toEqual(['abcd']);
  });

  describe('of old kernels, which leave out empty arguments', () => {
    it.each([
      ['argc=3 a0="x" a2="y"', ['x', '', 'y']],
      ['argc=3 a1="y"', ['', 'y', '']],
      ['argc=2 ', ['', '']],
      ['argc=0', []],
    ])('%s', (fields, expected) => expect(joinOld(fields)).toEqual(expected));

    it.each([
      'argc=3 a0="x" a2="echo hel',
      'argc=3 a0="x" a1=6563686F2',
      'argc=3 a0="x" a1=6563686F',
      'argc=3 a0="curl" a',
      'argc=3 a0="curl" a1',
      'argc=3 a0="curl" a1=',
      'argc=3 a0="x" a1=""',
    ])('but not where %s proves damage, or a kernel that writes them', fields =>
      expect(joinOld(fields)).toBeUndefined(),
    );

    it.each(['argc=3 a0="x" a2="y"', 'argc=2 ', 'argc=3 a0="x"'])('but not %s of any other kernel', fields =>
      expect(join(fields)).toBeUndefined(),
    );
  });

  it('of two lists takes the longer one: old kernels write one for the script and one for its interpreter', () => {
    const script = 'argc=3 a0="/bin/sh" a1="/x" a2="one"';
    const interpreter = 'argc=2 a0="/x" a1="one"';
    expect(join(script, interpreter)).toEqual(['/bin/sh', '/x', 'one']);
    expect(join(interpreter, script)).toEqual(['/bin/sh', '/x', 'one']);
    expect(join('argc=3 a0="/bin/sh" a1="/x', interpreter)).toBeUndefined();
  });

  it('has the same list whatever the order of its records, and if some come twice', () => {
    fc.assert(
      fc.property(argumentList, fc.infiniteStream(fc.nat()), (argv, dice) => {
        const fields = execveFields(argv);
        const doubled = [...fields, ...fields.filter(() => dice.next().value % 2 === 0)];
        const shuffled = doubled.toSorted(() => (dice.next().value % 3) - 1);
        expect(join(...shuffled)).toEqual(asText(argv));
      }),
      { numRuns: 80 },
    );
  });

  describe('with something missing', () => {
    it.each([
      ['no count', ['a0="x"']],
      ['a count that is none', ['argc=x a0="x"']],
      ['more arguments than the count', ['argc=1 a0="x" a1="y"']],
      ['the first record', ['a5="x" a6="y"']],
      ['the last record', ['argc=4 a0="x" a1="y"', 'a2="z"']],
      ['a record between', ['argc=4 a0="x"', 'a2="y" a3="z"']],
      ['a fragment', ['argc=1 a0_len=6 a0[0]="ab"', 'a0[2]="ef"']],
      ['the first fragment', ['argc=1 a0_len=6 a0[1]="cdef"']],
      ['the last fragment', ['argc=1 a0_len=6 a0[0]="ab" a0[1]="cd"']],
      ['the length of fragments', ['argc=1 a0[0]="ab"']],
      ['a length that is none', ['argc=1 a0_len=x a0[0]="ab"']],
      ['fragments of another argument', ['argc=2 a0_len=4 a0[0]="ab" a1[1]="cd"']],
      ['an argument before the fragments', ['argc=3 a0="x"', 'a2_len=2 a2[0]="ab"']],
      ['one argument, another twice', ['argc=2 a0="x"', 'a0_len=2 a0[0]="ab"']],
      ['agreement', ['argc=1 a0="x" a0="y"']],
      ['everything but the length', ['argc=1 a0_len=4']],
    ])('%s: no arguments at all', (_, fields) => expect(join(...fields)).toBeUndefined());

    it('does not take the arguments of a lost record for empty ones', () => {
      const argv = Array.from({ length: 140 }, (_, i) => String(i).padEnd(66, 'x'));
      const [first, ...others] = execveFields(argv);
      expect(others).toHaveLength(1);
      expect(join(first!)).toBeUndefined();
    });

    it('any one of several records lost leaves no arguments', () => {
      fc.assert(
        fc.property(argumentList, fc.nat(), (argv, which) => {
          const fields = execveFields(argv);
          fc.pre(fields.length > 1);
          expect(join(...fields.toSpliced(which % fields.length, 1))).toBeUndefined();
        }),
        { numRuns: 80 },
      );
    });
  });

  it('joins what the kernel writes of any arguments', () => {
    fc.assert(
      fc.property(argumentList, argv => {
        expect(join(...execveFields(argv))).toEqual(asText(argv));
      }),
      { numRuns: 80 },
    );
  });

  it('a record cut at any byte has no arguments', () => {
    const argv = ['/bin/echo', 'two three', '', 'x\\', 'y'];
    const [fields] = execveFields(argv);
    for (let end = 0; end < fields!.length; end++) {
      expect(join(fields!.slice(0, end))).toBeUndefined();
      expect(joinOld(fields!.slice(0, end)) ?? argv).toSatisfy((read: string[]) =>
        read.every((argument, i) => argument === argv[i] || argument === ''),
      );
    }
  });

  it('bounds the count and the index of arguments', () => {
    expect(join(`argc=${ARGUMENT_LIMIT + 1} a0="x"`)).toBeUndefined();
    expect(join(`argc=${ARGUMENT_LIMIT + 1}`)).toBeUndefined();
    expect(join('argc=1 a4294967295="x"')).toBeUndefined();
    expect(join('argc=99999999999999999999 a0="x"')).toBeUndefined();
  });

  it('takes only argc for the count', () => {
    expect(join('abc=5 argc=1 a0="x" axis=3')).toEqual(['x']);
  });

  it('reads any fields without throwing', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'argc=3',
        'a0="x"',
        'a1=61',
        'a2=?',
        'a1_len=4',
        'a1[0]=6161',
        'a1[1]=',
        'a1[',
        'a=',
        'a1[x]=1',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 3 }), lists => {
        const argv = join(...lists.map(list => list.join(' ')));
        expect(argv === undefined || argv.every(text => typeof text === 'string')).toBe(true);
      }),
    );
  });
});
