import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProcessEvent } from '../../src/audit/audit-event.ts';
import { damage } from '../../src/audit/damage.ts';
import { ExecutedFileReader } from '../../src/audit/executed-file.ts';
import {
  type KindOfTask,
  type ProcessReading,
  readProcessEvent,
  type TaskKind,
} from '../../src/audit/process-event.ts';
import { SyscallReader } from '../../src/audit/syscall-record.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import {
  execveFields,
  group,
  pathFields,
  record,
  STAMP,
  type SyscallValues,
  syscallFields,
  untrusted,
} from './kernel-records.ts';

const syscalls = new SyscallReader();

const SYSCALL = 1300;
const PATH = 1302;
const CWD = 1307;
const EXECVE = 1309;
const CALLS: ReadonlySet<SyscallName> = new Set([
  'execve',
  'execveat',
  'fork',
  'vfork',
  'clone',
  'clone3',
  'kill',
  'tkill',
  'tgkill',
]);
const files = new ExecutedFileReader();
const NEVER_ASKED: KindOfTask = () => {
  throw new Error('asked for the kind of a task');
};

const read = (
  values: SyscallValues,
  records: readonly (readonly [number, string])[] = [],
  kindOfTask = NEVER_ASKED,
): ProcessReading | undefined => {
  const fields = syscallFields(values);
  const reading = syscalls.read(record(SYSCALL, fields), CALLS);
  if (reading.kind !== 'syscall') throw new Error(`the SYSCALL record is ${reading.kind}`);
  return readProcessEvent(group([SYSCALL, fields], ...records), reading.syscall, {
    kindOfTask,
    files,
    argumentBytes: Number.POSITIVE_INFINITY,
  });
};

const ACTOR = {
  ppid: 13983,
  auid: 1000,
  uid: 1,
  gid: 2,
  euid: 3,
  suid: 4,
  fsuid: 5,
  egid: 6,
  sgid: 7,
  fsgid: 8,
  tty: 'pts0',
  ses: 9,
  comm: 'echo',
  exe: '/usr/bin/echo',
  path: '/usr/bin/echo',
  env: undefined,
  status: undefined,
};

describe('an exec', () => {
  const whole: readonly (readonly [type: number, fields: string])[] = [
    [EXECVE, execveFields(['/bin/echo', 'two three'])[0]!],
    [CWD, 'cwd="/tmp/record"'],
    [PATH, pathFields(0, '/bin/echo', { mode: '0104755', ouid: 1, ogid: 2 })],
    [PATH, pathFields(1, '/lib64/ld-linux-x86-64.so.2', { inode: '18446744073709551615', dev: '00:2f' })],
  ];

  it('has everything its records say', () => {
    expect(read({}, whole)).toEqual({
      incomplete: false,
      event: {
        kind: 'process',
        ...STAMP,
        ...ACTOR,
        action: 'exec',
        syscall: 'execve',
        pid: 13993,
        parent: 13983,
        exit: 0,
        cwd: '/tmp/record',
        argv: ['/bin/echo', 'two three'],
        files: [
          { name: '/bin/echo', inode: '260249', dev: 'fe:00', mode: '0104755', ouid: 1, ogid: 2 },
          {
            name: '/lib64/ld-linux-x86-64.so.2',
            inode: '18446744073709551615',
            dev: '00:2f',
            mode: '0100755',
            ouid: 0,
            ogid: 0,
          },
        ],
      } satisfies ProcessEvent,
    });
  });

  it('is the same whatever the order of its records, and if each comes twice', () => {
    const expected = read({}, whole);
    const records = fc.shuffledSubarray([...whole], { minLength: whole.length });
    fc.assert(
      fc.property(records, fc.boolean(), (shuffled, twice) => {
        expect(read({}, twice ? [...shuffled, ...whole] : shuffled)).toEqual(expected);
      }),
    );
  });

  it('with any of its records cut at any byte has no value that it does not have whole', () => {
    // Hex that ends a record cannot be told from the beginning of a longer one.
    const records = whole.with(0, [EXECVE, execveFields(['/bin/echo', 'two three', 'end'])[0]!]);
    const full = read({}, records)!.event;
    const valuesOf = (event: ProcessEvent): unknown[] => [
      event.cwd,
      ...[0, 1].flatMap(place => Object.values(event.files[place] ?? {})),
    ];
    records.forEach(([type, fields], index) => {
      for (let end = 0; end < fields.length; end++) {
        damage.records = 0;
        const cut = records.map((record, i) =>
          i === index ? ([type, fields.slice(0, end)] as const) : record,
        );
        const { event, incomplete } = read({}, cut)!;
        for (const value of valuesOf(event)) expect([undefined, ...valuesOf(full)]).toContain(value);
        expect(event.argv ?? full.argv).toEqual(full.argv);
        const hasLess = JSON.stringify(event) !== JSON.stringify(full);
        expect(hasLess && !incomplete && damage.records === 0, `${type} cut at ${end}`).toBe(false);
      }
    });
  });

  it('of an old kernel has the empty arguments that EXECVE leaves out', () => {
    const argv = (path: string, ...more: (readonly [number, string])[]) =>
      read({ items: 1 }, [[EXECVE, 'argc=3 a0="x" a2="y"'], [CWD, 'cwd="/"'], [PATH, path], ...more])!.event
        .argv;
    const old = 'item=0 name="/x" inode=1 dev=fd:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 objtype=NORMAL';
    const between = old.replace('objtype', 'nametype');
    expect(argv(old)).toEqual(['x', '', 'y']);
    expect(argv(between)).toBeUndefined();
    expect(argv(pathFields(0, '/x'))).toBeUndefined();
    const PROCTITLE = 1327;
    expect(argv(between, [PROCTITLE, `proctitle=${untrusted('x\0\0y')}`])).toEqual(['x', '', 'y']);
    expect(argv(old, [PROCTITLE, `proctitle=${untrusted('x\0z\0y')}`])).toBeUndefined();
  });

  it.each([
    [{ syscall: 322 }, 'execveat'],
    [{ arch: '40000003', syscall: 11 }, 'execve'],
    [{ arch: 'c00000b7', syscall: 221 }, 'execve'],
  ])('is %j too', (values, syscall) => {
    expect(read(values, whole)).toMatchObject({ incomplete: false, event: { action: 'exec', syscall } });
  });

  it.each([['/tmp/my dir/Übung'], ['/'], ['/tmp/"quoted"'], ['/work\n']])(
    'decodes the working directory %j',
    cwd => {
      const records = whole.map(
        ([type, fields]) => [type, type === CWD ? `cwd=${untrusted(cwd)}` : fields] as const,
      );
      expect(read({}, records)!.event.cwd).toBe(cwd);
    },
  );

  it('reads a file without an inode, as of one that is gone', () => {
    const records = [...whole.slice(0, 2), [PATH, 'item=0 name="/gone" nametype=UNKNOWN cap_fp=0'] as const];
    expect(read({ items: 1 }, records)!.event.files).toEqual([
      { name: '/gone', inode: undefined, dev: undefined, mode: undefined, ouid: undefined, ogid: undefined },
    ]);
    const unnamed = [
      ...whole.slice(0, 2),
      [PATH, 'item=0 name=(null) inode=5 dev=00:01 mode=0100755 ouid=0 ogid=0 rdev=00:00'] as const,
    ];
    expect(read({ items: 1 }, unnamed)!.event.files).toMatchObject([{ name: undefined, inode: '5' }]);
  });

  describe('with a record missing is incomplete', () => {
    const without = (index: number): ProcessReading => read({}, whole.toSpliced(index, 1))!;

    it('EXECVE: no arguments, everything else stands', () => {
      const { event, incomplete } = without(0);
      expect(incomplete).toBe(true);
      expect(event).toMatchObject({ argv: undefined, cwd: '/tmp/record', pid: 13993 });
      expect(event.files).toHaveLength(2);
    });

    it('CWD: no directory', () => {
      const { event, incomplete } = without(1);
      expect(incomplete).toBe(true);
      expect(event).toMatchObject({ argv: ['/bin/echo', 'two three'], cwd: undefined });
    });

    it('the first PATH: its place stays empty', () => {
      const { event, incomplete } = without(2);
      expect(incomplete).toBe(true);
      expect(event.files.map(({ name, mode }) => [name, mode])).toEqual([
        [undefined, undefined],
        ['/lib64/ld-linux-x86-64.so.2', '0100755'],
      ]);
    });

    it('the second PATH: the first stands', () => {
      const { event, incomplete } = without(3);
      expect(incomplete).toBe(true);
      expect(event.files.map(({ name }) => name)).toEqual(['/bin/echo']);
    });

    it('every PATH: no files', () => {
      const { event, incomplete } = read({}, whole.slice(0, 2))!;
      expect(incomplete).toBe(true);
      expect(event.files).toEqual([]);
    });

    it('part of the arguments: none', () => {
      const records = [[EXECVE, 'argc=3 a0="/bin/echo" a1_len=9000 a1[0]="x"'] as const, ...whole.slice(1)];
      const { event, incomplete } = read({}, records)!;
      expect(incomplete).toBe(true);
      expect(event.argv).toBeUndefined();
    });
  });
});

describe('a new process', () => {
  const fork = (values: SyscallValues, kindOfTask?: KindOfTask): ProcessReading | undefined =>
    read({ items: 0, exit: 14020, ...values }, [], kindOfTask);

  it('of fork has the child as pid and its maker as parent', () => {
    expect(fork({ syscall: 57, a0: '0' })).toEqual({
      incomplete: false,
      event: {
        kind: 'process',
        ...STAMP,
        ...ACTOR,
        action: 'fork',
        syscall: 'fork',
        pid: 14020,
        parent: 13993,
        exit: 14020,
        cwd: undefined,
        argv: undefined,
        files: [],
      } satisfies ProcessEvent,
    });
  });

  it.each([
    ['vfork', { syscall: 58, a0: '0' }, 13993],
    ['clone', { syscall: 56, a0: '1200011' }, 13993],
    ['clone with CLONE_VFORK|CLONE_VM', { syscall: 56, a0: '4111' }, 13993],
    ['clone with CLONE_PARENT', { syscall: 56, a0: '8011' }, 13983],
    ['a clone whose flags fill the register', { syscall: 56, a0: 'ffffffff01200011' }, 13993],
    ['32-bit clone', { arch: '40000003', syscall: 120, a0: '1200011' }, 13993],
    ['arm64 clone', { arch: 'c00000b7', syscall: 220, a0: '1200011' }, 13993],
  ])('of %s', (_, values, parent) => {
    expect(fork(values)).toMatchObject({ event: { action: 'fork', pid: 14020, parent } });
  });

  it.each([['3d0f00'], ['10000'], ['18000']])('is none when clone makes a thread: flags %s', a0 =>
    expect(fork({ syscall: 56, a0 })).toBeUndefined(),
  );

  it.each<[TaskKind, boolean]>([
    ['process', true],
    ['thread', false],
    // It may have ended already: processes that live so shortly are many, threads few.
    ['gone', true],
  ])('of clone3, which looks like a %s: %s', (kind, isProcess) => {
    const asked: (readonly [number, number])[] = [];
    const reading = fork({ syscall: 435, a0: '7ffd1000' }, (id, maker) => {
      asked.push([id, maker]);
      return kind;
    });
    expect(asked).toEqual([[14020, 13993]]);
    if (isProcess) expect(reading).toMatchObject({ event: { syscall: 'clone3', pid: 14020, parent: 13993 } });
    else expect(reading).toBeUndefined();
  });
});

describe('a signal', () => {
  it.each([
    ['kill', { syscall: 62, a0: 'fffffffffffffc18', a1: 'f' }],
    ['tkill', { syscall: 200 }],
    ['tgkill', { syscall: 234 }],
    ['kill', { arch: '40000003', syscall: 37 }],
  ])('of %s is an event of its sender', (syscall, values) => {
    expect(read({ items: 0, ...values })).toMatchObject({
      incomplete: false,
      event: {
        action: 'kill',
        syscall,
        pid: 13993,
        parent: 13983,
        argv: undefined,
        cwd: undefined,
        files: [],
      },
    });
  });
});
