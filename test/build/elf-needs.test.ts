import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elfNeeds, newestVersion } from '../../src/build/elf-needs.ts';
import { unless, whyNotLinux } from '../unless.ts';

/** A program with one segment, at address 0x1000, that holds its dynamic section, strings and wanted versions. */
const program = (libraries: readonly string[], versions: ReadonlyMap<string, readonly string[]>): Buffer => {
  const strings: Buffer[] = [Buffer.from('\0')];
  const string = (text: string): number => {
    const offset = Buffer.concat(strings).length;
    strings.push(Buffer.from(`${text}\0`));
    return offset;
  };
  const dynamic = libraries.map(name => [1, string(name)]);
  const needs = [...versions].map(([library, names]) => {
    const entries = names.map((name, index) => {
      const entry = Buffer.alloc(16);
      entry.writeUInt32LE(string(name), 8);
      entry.writeUInt32LE(index + 1 < names.length ? 16 : 0, 12);
      return entry;
    });
    const head = Buffer.alloc(16);
    head.writeUInt16LE(1, 0);
    head.writeUInt16LE(names.length, 2);
    head.writeUInt32LE(string(library), 4);
    head.writeUInt32LE(16, 8);
    head.writeUInt32LE(16 + 16 * names.length, 12);
    return Buffer.concat([head, ...entries]);
  });
  const table = Buffer.concat(strings);
  const dynamicAt = 64 + 2 * 56;
  const stringsAt = dynamicAt + (dynamic.length + 4) * 16;
  const needsAt = stringsAt + table.length;
  dynamic.push([5, 0x1000 + stringsAt], [0x6ffffffe, 0x1000 + needsAt], [0x6fffffff, needs.length], [0, 0]);

  const words = Buffer.alloc(dynamic.length * 16);
  for (const [index, [tag, value]] of dynamic.entries()) {
    words.writeBigUInt64LE(BigInt(tag!), index * 16);
    words.writeBigUInt64LE(BigInt(value!), index * 16 + 8);
  }
  const whole = needsAt + Buffer.concat(needs).length + 1;
  const head = Buffer.alloc(dynamicAt);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(2, 56);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    const start = 64 + index * 56;
    head.writeUInt32LE(type, start);
    head.writeBigUInt64LE(BigInt(offset), start + 8);
    head.writeBigUInt64LE(BigInt(0x1000 + offset), start + 16);
    head.writeBigUInt64LE(BigInt(size), start + 32);
  };
  segment(0, 1, 0, whole);
  segment(1, 2, dynamicAt, words.length);
  return Buffer.concat([head, words, table, ...needs, Buffer.alloc(1)]);
};

const name = fc.stringMatching(/^[A-Za-z][\w.]{0,12}$/);
const needs = fc.record({
  libraries: fc.array(name, { maxLength: 5 }),
  versions: fc
    .uniqueArray(fc.tuple(name, fc.array(name, { minLength: 1, maxLength: 4 })), {
      maxLength: 4,
      selector: ([library]) => library,
    })
    .map(entries => new Map(entries)),
});

describe('what a program needs', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(needs, ({ libraries, versions }) => {
        expect(elfNeeds(program(libraries, versions))).toEqual({ libraries, versions });
      }),
    );
  });

  test('is refused where the file ends too early, and never made up', () => {
    const whole = program(['libc.so.6'], new Map([['libc.so.6', ['GLIBC_2.28', 'GLIBC_2.4']]]));
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => elfNeeds(whole.subarray(0, length)), `${length} bytes`).toThrow(Error);
    }
  });

  test('is refused of what is no such file', () => {
    expect(() => elfNeeds(Buffer.alloc(100))).toThrow('expected a 64-bit little-endian ELF file');
  });

  test('is known of this Node', unless(whyNotLinux), () => {
    const { libraries, versions } = elfNeeds(readFileSync(process.execPath));
    expect(libraries).toContain('libc.so.6');
    expect(versions.get('libc.so.6')!.length).toBeGreaterThan(1);
  });
});

test('the newest version is the one with the greatest numbers', () => {
  const versions = new Map([
    ['libc.so.6', ['GLIBC_2.4', 'GLIBC_2.28', 'GLIBC_2.3.4', 'GLIBC_PRIVATE']],
    ['libm.so.6', ['GLIBC_2.27']],
  ]);
  expect(newestVersion({ libraries: [], versions }, 'GLIBC_')).toBe('2.28');
  expect(newestVersion({ libraries: [], versions }, 'GLIBCXX_')).toBe(undefined);
});
