import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExecutedFileReader } from '../../src/audit/executed-file.ts';
import { KnownBytes } from '../../src/audit/known-bytes.ts';
import { readProcessEvent } from '../../src/audit/process-event.ts';
import { RecordParser } from '../../src/audit/record.ts';
import { SockaddrReader } from '../../src/audit/socket-event.ts';
import { SyscallReader, type SyscallRecord } from '../../src/audit/syscall-record.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import { group, record } from './kernel-records.ts';

const syscalls = new SyscallReader();
const addresses = new SockaddrReader();
const parser = new RecordParser();
const processes = {
  kindOfTask: () => 'process' as const,
  files: new ExecutedFileReader(),
  argumentBytes: Number.POSITIVE_INFINITY,
} as const;

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('KnownBytes', () => {
  const known = (text: string, limit = 32): KnownBytes => {
    const bytes = new KnownBytes(limit);
    bytes.keep(bytesOf(text), 0, text.length);
    return bytes;
  };

  it('tells the bytes it keeps from all others', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary-ascii', maxLength: 12 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
        (before, kept, other) => {
          const matches = known(kept).matches(
            bytesOf(before + other),
            before.length,
            (before + other).length,
          );
          expect(matches).toBe(kept === other);
        },
      ),
    );
  });

  it('tells where they end in bytes that begin with them', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
    fc.assert(
      fc.property(text, text, (kept, other) => {
        const end = known(kept).endAt(bytesOf(`--${other}aaaaaa`), 2, 2 + other.length);
        expect(end).toBe(other.startsWith(kept) ? 2 + kept.length : -1);
      }),
    );
  });

  it('compares from a place on', () => {
    expect(known('0123456789').matches(bytesOf('456789'), 0, 6, 4)).toBe(true);
    expect(known('0123456789').matches(bytesOf('45678x'), 0, 6, 4)).toBe(false);
    expect(known('0123456789').matches(bytesOf('456789'), 0, 5, 4)).toBe(false);
  });

  it('knows none at first, and none after too many', () => {
    const bytes = new KnownBytes(4);
    expect(bytes.matches(bytesOf(''), 0, 0)).toBe(false);
    expect(bytes.endAt(bytesOf('abc'), 0, 3)).toBe(-1);
    expect(bytes.keep(bytesOf('abcd'), 0, 4)).toBe(true);
    expect(bytes.matches(bytesOf('abcd'), 0, 4)).toBe(true);
    expect(bytes.keep(bytesOf('abcde'), 0, 5)).toBe(false);
    expect(bytes.matches(bytesOf('abcd'), 0, 4)).toBe(false);
    expect(bytes.matches(bytesOf('abcde'), 0, 5)).toBe(false);
  });

  it('keeps a copy', () => {
    const text = bytesOf('first');
    const bytes = new KnownBytes(8);
    bytes.keep(text, 0, 5);
    text.write('other');
    expect(bytes.matches(bytesOf('first'), 0, 5)).toBe(true);
    expect(bytes.matches(text, 0, 5)).toBe(false);
  });
});

describe('what is known of the record before changes nothing', () => {
  const SYSCALL = 1300;
  const CALLS: ReadonlySet<SyscallName> = new Set(['connect', 'bind', 'kill', 'execve']);
  const FEWER: ReadonlySet<SyscallName> = new Set(['bind']);

  /** Reads all, and each of them behind one that has nothing in common with it: with the same outcome. */
  const expectSame = <Value>(
    values: readonly Value[],
    read: (value: Value) => unknown,
    unlike: Value,
  ): void => {
    const alone = values.map(value => {
      read(unlike);
      return read(value);
    });
    read(unlike);
    expect(values.map(read)).toEqual(alone);
  };

  const head = fc.record({
    call: fc.constantFrom('syscall=42', 'syscall=49', 'syscall=59', 'syscall=1', 'syscall=x'),
    outcome: fc.constantFrom('success=yes exit=0 ', 'success=no exit=-115 ', ''),
    a0: fc.constantFrom('a0=3', 'a0=4', 'a0=zz'),
    items: fc.constantFrom('items=0 ', 'items=2 ', ''),
  });
  const actor = fc.record({
    ids: fc.constantFrom('ppid=1 pid=10', 'ppid=1 pid=11', 'pid=10', 'ppid=1 pid=10 uid=7', 'ppid=1'),
    login: fc.constantFrom('auid=0', 'auid=4294967295', 'loginuid=5', 'auid=0 auid=1', 'uid=8'),
    credentials: fc.constantFrom(
      'uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0',
      'uid=1 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0',
      'uid=1 gid=0 euid=0 egid=0',
    ),
    tty: fc.constantFrom(
      'tty=(none) ses=1',
      'tty=pts0 ses=1',
      'tty="a ses=1',
      "tty='a ses=1",
      'tty="a b" ses=1',
    ),
    comm: fc.constantFrom('comm="a"', 'comm="b"', 'comm=6120', "comm='c'", 'ses=9 comm="a"'),
    exe: fc.constantFrom('exe="/a"', 'exe="/b"', 'exe=(null)', ''),
    rest: fc.constantFrom('', ' key="k"', ` key="${'k'.repeat(600)}"`),
  });
  const syscallText = fc
    .tuple(head, actor)
    .map(
      ([{ call, outcome, a0, items }, { ids, login, credentials, tty, comm, exe, rest }]) =>
        `arch=c000003e ${call} ${outcome}${a0} a1=0 ${items}${ids} ${login} ${credentials} ${tty} ${comm} ${exe}${rest}`,
    );

  it('in a SYSCALL record', () => {
    const read = fc.record({ text: syscallText, interests: fc.constantFrom(CALLS, CALLS, CALLS, FEWER) });
    fc.assert(
      fc.property(fc.array(read, { maxLength: 8 }), reads =>
        expectSame(reads, ({ text, interests }) => syscalls.read(record(SYSCALL, text), interests), {
          text: 'arch=c000003e syscall=49 success=yes exit=0 a0=7f items=0 ppid=77 pid=78 auid=79 uid=77 gid=77 euid=77 egid=77 comm="unlike" exe="/unlike"',
          interests: new Set<SyscallName>(['bind']),
        }),
      ),
      { numRuns: 1_000 },
    );
  });

  it('in a SYSCALL record with a quote that another one closes', () => {
    const text = (rest: string): string =>
      `arch=c000003e syscall=42 success=yes exit=0 a0=3 items=0 ppid=1 pid=10 auid=0 uid=0 gid=0 euid=0 egid=0 tty="a ses=1 ${rest}`;
    const open = syscalls.read(record(SYSCALL, text('comm=6120 exe=(null) key=(null)')), CALLS);
    expect(open).toMatchObject({ syscall: { tty: '"a', ses: 1, comm: 'a ' } });
    const closed = syscalls.read(record(SYSCALL, text('comm="a" exe="/b"')), CALLS);
    expect(closed).toMatchObject({ syscall: { tty: 'a ses=1 comm=', ses: undefined, comm: undefined } });
  });

  it('in a SOCKADDR record', () => {
    const text = fc.constantFrom(
      'saddr=020001BB7F0000010000000000000000',
      'saddr=020001BB7F0000020000000000000000',
      'saddr=020001BB7F00000100000000000000',
      'saddr=020001BB7F000001000000000000000',
      'saddr=1000',
      'saddr=',
      'other=1',
      `saddr=0100${'61'.repeat(108)}`,
      `saddr=0100${'61'.repeat(200)}`,
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), texts =>
        expectSame(texts, fields => addresses.read(record(1306, fields)), 'saddr=01002F756E6C696B65'),
      ),
    );
  });

  it('in a PATH record', () => {
    const call = { name: 'execve', success: true, items: 2 } as SyscallRecord;
    const path = fc.record({
      item: fc.constantFrom('item=0', 'item=1', ''),
      name: fc.constantFrom('name="/a"', 'name="/b"', `name="/${'c'.repeat(600)}"`),
      inode: fc.constantFrom('inode=1 dev=00:01 mode=0100755 ouid=0 ogid=0', 'inode=2 dev=00:01', ''),
    });
    const paths = fc.array(
      path.map(({ item, name, inode }) => `${item} ${name} ${inode}`),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.array(paths, { maxLength: 6 }), events =>
        expectSame(
          events,
          texts => {
            const records = texts.map(text => [1302, text] as const);
            return readProcessEvent(group(...records), call, processes);
          },
          ['item=0 name="/unlike"', 'item=1 name="/unlike"'],
        ),
      ),
    );
  });

  it('in a header', () => {
    const seconds = fc.constantFrom('1364481363', '1364481364', '136448136', '13644813631', '', '1364481a63');
    const milliseconds = fc.constantFrom('243', '244', '24', '1000', '2x3', '');
    const rest = fc.constantFrom(
      '24287): a=1',
      '24288): a=1',
      '24287: a=1',
      '): a=1',
      '4294967296): a=1',
      '1)',
      '',
    );
    const text = fc
      .tuple(seconds, milliseconds, rest)
      .map(([seconds, milliseconds, rest]) => `audit(${seconds}.${milliseconds}:${rest}`);
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), texts =>
        expectSame(
          texts,
          header => {
            const bytes = bytesOf(header);
            const read = parser.parse(SYSCALL, bytes, 0, bytes.length);
            return read && { ...read, bytes: read.bytes.toString('latin1') };
          },
          'audit(7777777777.777:7): ',
        ),
      ),
      { numRuns: 1_000 },
    );
  });
});
