import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileCallNames } from '../../src/audit/file-calls.ts';
import { Interpreter } from '../../src/audit/interpreter.ts';
import { uringFileOperations } from '../../src/audit/uring-file-event.ts';
import { group, syscallFields, untrusted } from './kernel-records.ts';

type Records = readonly (readonly [type: number, fields: string])[];
type Item = readonly [name: string | undefined, type: string, inode?: number | undefined];

/** audit_log_uring */
const uringop = (operation: number, exit = 0): Records[number] => [
  1336,
  `uring_op=${operation} success=${exit < 0 ? 'no' : 'yes'} exit=${exit} items=2 ppid=6 pid=7 uid=1 gid=2 euid=3 suid=4 fsuid=5 egid=6 sgid=7 fsgid=8 key="osquery-audit-events:files"`,
];
const enter: Records[number] = [1300, syscallFields({ syscall: 426, items: 2, a0: '3', exit: 1 })];
const cwd: Records[number] = [1307, `cwd=${untrusted('/work')}`];
const paths = (items: readonly Item[]): Records =>
  items.map(([name, type, inode], item) => [
    1302,
    `item=${item} name=${name === undefined ? '(null)' : untrusted(name)}${inode === undefined ? '' : ` inode=${inode} dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00`} nametype=${type} cap_fp=0`,
  ]);

const OPENAT = 18;
const RENAMEAT = 35;
const UNLINKAT = 36;
const MKDIRAT = 37;
const SYMLINKAT = 38;
const LINKAT = 39;

const reader = (syscalls: readonly (typeof fileCallNames)[number][] = fileCallNames) => {
  const interests = {
    syscalls: new Set(syscalls),
    userMessages: false,
    reports: new Set<number>(),
    datagrams: false,
  };
  const interpreter = new Interpreter(interests, () => 'process');
  const read = (...records: Records) => interpreter.interpret(group(...records));
  const said = (...records: Records) =>
    read(...records).map(event => {
      if (event.kind !== 'file') return event.kind;
      const { operation, path, destPath, isPartial, exe } = event;
      return [operation, path, destPath, isPartial && 'partial', exe].filter(Boolean).join(' ');
    });
  /** As the kernel records them: of a thread of its own without names. */
  const byThread = (operation: number, items: readonly Item[]) =>
    said(uringop(operation), cwd, ...paths(items));
  return { read, said, byThread, counters: interpreter.counters };
};
const seen = (...files: readonly (readonly [path: string, inode: number])[]) => {
  const made = reader();
  for (const [path, inode] of files)
    made.read(uringop(OPENAT), enter, cwd, ...paths([[path, 'NORMAL', inode]]));
  return made;
};

describe('what io_uring does to files', () => {
  it('in the call itself has path and program, for each file', () => {
    const { said } = reader();
    expect(
      said(
        uringop(OPENAT),
        uringop(OPENAT),
        enter,
        cwd,
        ...paths([
          ['/a/x', 'NORMAL', 3],
          ['/a/y', 'NORMAL', 4],
          ['/a/later', 'UNKNOWN'],
        ]),
      ),
    ).toEqual(['open /a/x /usr/bin/echo', 'open /a/y /usr/bin/echo']);
  });

  it('is an event of its own, with all that its records say', () => {
    const [event] = reader().read(uringop(OPENAT), cwd, ...paths([[undefined, 'CREATE', 3]]));
    expect(event).toMatchObject({
      kind: 'file',
      operation: 'open',
      syscall: 'io_uring_enter',
      exit: undefined,
      cwd: '/work',
      isSelected: true,
      isPartial: true,
      inode: '3',
      pid: 7,
      ppid: 6,
      uid: 1,
      fsgid: 8,
      auid: undefined,
      exe: undefined,
    });
  });

  it('by a thread of the kernel has the path by which the inode was seen', () => {
    const { byThread } = seen(['/a/x', 3], ['/a', 1]);
    expect(
      byThread(UNLINKAT, [
        [undefined, 'PARENT', 1],
        [undefined, 'DELETE', 3],
      ]),
    ).toEqual(['unlink /a/x']);
    expect(
      byThread(UNLINKAT, [
        [undefined, 'PARENT', 1],
        [undefined, 'DELETE', 3],
      ]),
    ).toEqual(['unlink partial']);
  });

  it('has no path for what is new, not even that which its inode was known by', () => {
    const { byThread } = seen(['/a/x', 3]);
    const made = (inode: number): readonly Item[] => [
      [undefined, 'PARENT', 1],
      [undefined, 'CREATE'],
      [undefined, 'PARENT', 1],
      [undefined, 'CREATE', inode],
    ];
    expect(byThread(MKDIRAT, made(3))).toEqual(['mkdir partial']);
    expect(byThread(SYMLINKAT, made(4))).toEqual(['symlink partial']);
    expect(byThread(OPENAT, made(5))).toEqual(['open partial']);
  });

  it('has the old path of what is renamed, and of what is linked', () => {
    const renamed = seen(['/a/x', 3]);
    expect(
      renamed.byThread(RENAMEAT, [
        [undefined, 'PARENT', 1],
        [undefined, 'DELETE', 3],
        [undefined, 'PARENT', 1],
        [undefined, 'CREATE'],
        [undefined, 'PARENT', 1],
        [undefined, 'CREATE', 3],
      ]),
    ).toEqual(['rename /a/x partial']);
    // It is somewhere else now.
    expect(renamed.byThread(UNLINKAT, [[undefined, 'DELETE', 3]])).toEqual(['unlink partial']);
    expect(
      seen(['/a/x', 3]).byThread(LINKAT, [
        [undefined, 'PARENT', 1],
        [undefined, 'CREATE', 3],
      ]),
    ).toEqual(['link /a/x partial']);
  });

  it('is none where nothing came of it, and where nothing is recorded', () => {
    const { byThread, said, counters } = reader();
    expect(
      byThread(MKDIRAT, [
        [undefined, 'PARENT', 1],
        [undefined, 'CREATE'],
      ]),
    ).toEqual([]);
    expect(byThread(UNLINKAT, [[undefined, 'PARENT', 1]])).toEqual([]);
    expect(said(uringop(OPENAT, -11), cwd, ...paths([['/a', 'NORMAL', 3]]))).toEqual([]);
    expect(said(uringop(42), cwd)).toEqual([]);
    expect(counters).toMatchObject({ filtered: 4, malformed: 0, unusable: 0 });
  });

  it('is none where nobody wants files', () => {
    expect(reader(['mkdirat']).said(uringop(OPENAT), enter, cwd, ...paths([['/a', 'NORMAL', 3]]))).toEqual(
      [],
    );
  });

  it('of any content makes events, or is counted', () => {
    const item = fc.tuple(
      fc.option(fc.string(), { nil: undefined }),
      fc.constantFrom('PARENT', 'NORMAL', 'DELETE', 'CREATE', 'UNKNOWN'),
      fc.option(fc.nat(5), { nil: undefined }),
    );
    const { read, counters } = reader();
    const counted = () => Object.values(counters).reduce((sum, count) => sum + count);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...uringFileOperations, 9), { minLength: 1, maxLength: 3 }),
        fc.array(item, { maxLength: 6 }),
        fc.boolean(),
        (operations, items, isInCall) => {
          const before = counted();
          const events = read(
            ...operations.map(each => uringop(each)),
            ...(isInCall ? [enter] : []),
            cwd,
            ...paths(items),
          );
          expect(counted() - before).toBe(events.length === 0 ? 1 : 0);
          for (const event of events) {
            if (event.kind !== 'file') throw new Error(event.kind);
            if (!event.isPartial) expect(event.path ?? event.destPath).toMatch(/^\//);
          }
        },
      ),
    );
  });

  it('cut off anywhere is an event, or counted', () => {
    const [, fields] = uringop(UNLINKAT);
    for (let length = 0; length < fields.length; length++) {
      const { read, counters } = reader();
      const events = read([1336, fields.slice(0, length)], cwd, ...paths([[undefined, 'DELETE', 3]]));
      expect(events.length + counters.malformed + counters.filtered).toBe(1);
    }
  });
});
