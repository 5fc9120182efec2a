import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldCursor, keyHash, parseRecord } from '../../src/audit/record.ts';
import { fieldsOf, payload, record, syscallFields, untrusted } from './kernel-records.ts';

const parse = (text: string): ReturnType<typeof parseRecord> => {
  const bytes = Buffer.from(text, 'latin1');
  return parseRecord(1300, bytes, 0, bytes.length);
};

interface Field {
  readonly key: string;
  readonly value: string;
  readonly quoted: boolean;
}

const walk = (bytes: Buffer, start: number, end: number): Field[] => {
  const cursor = new FieldCursor().reset(bytes, start, end);
  const fields: Field[] = [];
  while (cursor.next()) {
    const { keyStart, keyEnd, valueStart, valueEnd, quoted } = cursor;
    expect(start <= keyStart && keyStart <= keyEnd && keyEnd < valueStart).toBe(true);
    expect(valueStart <= valueEnd && valueEnd <= end).toBe(true);
    const key = bytes.toString('latin1', keyStart, keyEnd);
    expect(cursor.key).toBe(keyHash(key));
    fields.push({ key, value: bytes.toString('latin1', valueStart, valueEnd), quoted });
  }
  expect(cursor.next()).toBe(false);
  return fields;
};

const fields = (text: string): [string, string][] => {
  const bytes = Buffer.from(text, 'latin1');
  return walk(bytes, 0, bytes.length).map(({ key, value }) => [key, value]);
};

describe('parseRecord', () => {
  it('reads time, serial and the span of the fields', () => {
    const read = parse('audit(1364481363.243:24287): arch=c000003e syscall=2');
    expect(read).toMatchObject({ type: 1300, seconds: 1364481363, milliseconds: 243, serial: 24287 });
    expect(fieldsOf(read!)).toBe('arch=c000003e syscall=2');
  });

  it.each([
    ['audit(1.002:4294967295): x=1', { seconds: 1, milliseconds: 2, serial: 4294967295 }],
    ['audit(0.000:0): x=1', { seconds: 0, milliseconds: 0, serial: 0 }],
  ])('reads %s', (text, expected) => expect(parse(text)).toMatchObject(expected));

  // EOE has nothing behind the header; a continued EXECVE record begins with a space; programs end with anything.
  it.each([
    ['audit(1.002:3): ', ''],
    ['audit(1.002:3):', ''],
    ['audit(1.002:3):  a1[1]=7878', 'a1[1]=7878'],
    ["audit(1.002:3): pid=1 msg='x'\n\0", "pid=1 msg='x'"],
    ['audit(1.002:3): \n \0\0', ''],
  ])('keeps the blanks around the fields out: %j', (text, expected) =>
    expect(fieldsOf(parse(text)!)).toBe(expected),
  );

  it.each([
    '',
    'audit',
    'Audit(1.002:3): x=1',
    ' audit(1.002:3): x=1',
    'audit(.002:3): x=1',
    'audit(1.:3): x=1',
    'audit(1.002:): x=1',
    'audit(1.002:3) x=1',
    'audit(1.002:3',
    'audit(1.002:3)',
    'audit(-1.002:3): x=1',
    'audit(1.1000:3): x=1',
    'audit(1.002:4294967296): x=1',
    'audit(99999999999999999999.002:3): x=1',
    `audit(${'9'.repeat(400)}.002:3): x=1`,
    'audit(1,002:3): x=1',
    'audit(02/28/2026 10:00:00.123:4): x=1',
  ])('refuses %j', text => expect(parse(text)).toBeUndefined());

  it('reads whatever stamp the kernel writes, wherever it lies in an arena', () => {
    fc.assert(
      fc.property(
        fc.record({
          seconds: fc.nat(2 ** 40),
          milliseconds: fc.nat(999),
          serial: fc.nat(0xffffffff),
        }),
        fc.string({ unit: fc.constantFrom('a', '=', '"', "'", '\xff', '('), maxLength: 20 }),
        fc.nat(40),
        (stamp, text, before) => {
          const bytes = payload(text, stamp);
          const arena = Buffer.concat([Buffer.alloc(before, 'audit(1.1:1): '), bytes, Buffer.from(' pid=1')]);
          const read = parseRecord(1300, arena, before, before + bytes.length)!;
          expect(read).toMatchObject(stamp);
          expect(fieldsOf(read)).toBe(text);
        },
      ),
    );
  });

  it('refuses a header cut at any byte, whatever lies behind it', () => {
    const whole = payload('arch=c000003e');
    const header = whole.indexOf(' arch');
    for (let end = 0; end <= whole.length; end++) {
      const read = parseRecord(1300, whole, 0, end);
      if (end < header) expect(read, `cut at ${end}`).toBeUndefined();
      else expect(fieldsOf(read!)).toBe('arch=c000003e'.slice(0, Math.max(0, end - header - 1)));
    }
  });

  it('reads any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, headed) => {
        const all = headed ? Buffer.concat([Buffer.from('audit('), bytes]) : Buffer.from(bytes);
        const read = parseRecord(1300, all, 0, all.length);
        if (read !== undefined) walk(all, read.start, read.end);
      }),
    );
  });
});

describe('FieldCursor', () => {
  it('walks the fields of a kernel record', () => {
    expect(fields('arch=c000003e syscall=59 exe="/usr/bin/echo" comm=612062 tty=(none) key=(null)')).toEqual([
      ['arch', 'c000003e'],
      ['syscall', '59'],
      ['exe', '/usr/bin/echo'],
      ['comm', '612062'],
      ['tty', '(none)'],
      ['key', '(null)'],
    ]);
  });

  it('takes a backslash for a character like any other', () => {
    expect(fields('a1="x\\" a2="y"')).toEqual([
      ['a1', 'x\\'],
      ['a2', 'y'],
    ]);
  });

  it('keeps spaces and equals signs inside quotes', () => {
    expect(fields('a="b=c d=e" f="\'"')).toEqual([
      ['a', 'b=c d=e'],
      ['f', "'"],
    ]);
  });

  it('ends an inner message at its last apostrophe', () => {
    expect(fields(`pid=1 msg='op=x acct="it's" exe='' res=success'`)).toEqual([
      ['pid', '1'],
      ['msg', `op=x acct="it's" exe='' res=success`],
    ]);
  });

  it('skips words without a value, as old kernels and AppArmor write them', () => {
    expect(fields('user pid=1 (enforce) uid=0 :')).toEqual([
      ['pid', '1'],
      ['uid', '0'],
    ]);
  });

  it('reads an empty value and an empty key', () => {
    expect(fields('a= b="" =c d=')).toEqual([
      ['a', ''],
      ['b', ''],
      ['', 'c'],
      ['d', ''],
    ]);
  });

  it('takes a quote that is never closed for a part of the value', () => {
    expect(fields('a="b c=d')).toEqual([
      ['a', '"b'],
      ['c', 'd'],
    ]);
    expect(fields("a='b c=d")).toEqual([
      ['a', "'b"],
      ['c', 'd'],
    ]);
  });

  it('never closes a quote beyond its end', () => {
    const bytes = Buffer.from(`a="b c" d='e'`);
    expect(walk(bytes, 0, 4)).toEqual([{ key: 'a', value: '"b', quoted: false }]);
    expect(walk(bytes, 8, 12)).toEqual([{ key: 'd', value: "'e", quoted: false }]);
  });

  it('gives back every value the kernel can write', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.string({ unit: fc.constantFrom('a', 'z', '0', '9', '_', '[', ']', '-'), minLength: 1 }),
            fc.uint8Array({ maxLength: 12 }),
          ),
          { maxLength: 8 },
        ),
        list => {
          const text = list.map(([key, value]) => `${key}=${untrusted(value)}`).join(' ');
          const bytes = Buffer.from(text, 'latin1');
          const read = walk(bytes, 0, bytes.length);
          expect(read.map(({ key }) => key)).toEqual(list.map(([key]) => key));
          for (const [i, [, value]] of list.entries()) {
            const { value: raw, quoted } = read[i]!;
            expect(Buffer.from(raw, quoted ? 'latin1' : 'hex')).toEqual(Buffer.from(value));
          }
        },
      ),
    );
  });

  it('reads the whole fields before a cut at any byte', () => {
    const { bytes, start, end } = record(1300, syscallFields());
    const whole = walk(bytes, start, end);
    for (let cut = start; cut <= end; cut++) {
      const read = walk(bytes, start, cut);
      expect(read.slice(0, -1)).toEqual(whole.slice(0, Math.max(0, read.length - 1)));
    }
    expect(whole.map(({ key }) => key)).toContain('exe');
  });
});

describe('keyHash', () => {
  it('tells the field names of the records apart', () => {
    const names =
      'arch syscall per success exit a0 a1 a2 a3 items ppid pid auid loginuid uid gid euid suid fsuid egid sgid fsgid tty ses comm exe subj key item name inode dev mode ouid ogid rdev obj nametype objtype cap_fp cap_fi cap_fe cap_fver cap_frootid cwd saddr argc nargs proctitle data msg op acct hostname addr terminal res cap_fp SYSCALL ARCH AUID UID GID';
    const all = [...new Set(names.split(' ')), ...Array.from({ length: 900 }, (_, i) => `a${i + 4}_len`)];
    expect(new Set(all.map(keyHash)).size).toBe(all.length);
  });
});
