import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damage } from '../../src/audit/damage.ts';
import { fileCallNames } from '../../src/audit/file-calls.ts';
import { readFileEvent } from '../../src/audit/file-event.ts';
import type { FileContext } from '../../src/audit/file-paths.ts';
import { KnownFiles } from '../../src/audit/known-files.ts';
import { SyscallReader } from '../../src/audit/syscall-record.ts';
import { architecture } from '../../src/audit/syscalls.ts';
import { group, type SyscallValues, syscallFields, untrusted } from './kernel-records.ts';

const syscalls = new SyscallReader();

const { numberOf } = architecture('X86_64');
const AT_FDCWD = 'ffffff9c';

type Item = readonly [name: string | undefined, type: string, inode?: number];
const path = ([name, type, inode = 1]: Item, item: number): string =>
  `item=${item} name=${name === undefined ? '(null)' : untrusted(name)} inode=${inode} dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=${type} cap_fp=0`;

const reader = (openDirectory: FileContext['openDirectory'] = () => undefined) => {
  const context: FileContext = { known: new KnownFiles(), openDirectory };
  return (
    call: (typeof fileCallNames)[number],
    items: readonly Item[],
    values: SyscallValues = {},
    more: readonly (readonly [number, string])[] = [],
  ) => {
    damage.records = 0;
    const records = group(
      [
        1300,
        syscallFields({ syscall: numberOf(call)!, exit: 3, items: items.length, a0: AT_FDCWD, ...values }),
      ],
      ...more,
      [1307, 'cwd="/work dir"'.replace('"/work dir"', untrusted('/work dir'))],
      ...items.map((item, i): readonly [number, string] => [1302, path(item, i)]),
    );
    const reading = syscalls.read(records.records[0]!, new Set(fileCallNames));
    if (reading.kind !== 'syscall') throw new Error(reading.kind);
    const file = readFileEvent(records, reading.syscall, context);
    if (file.kind !== 'event') return file.kind;
    const { operation, path: one, destPath, isPartial } = file.event;
    return {
      operation,
      path: one,
      ...(destPath !== undefined && { destPath }),
      ...(isPartial && { isPartial }),
    };
  };
};

describe('readFileEvent', () => {
  it.each([
    ['an open for writing', '1', 'write'],
    ['one that may create', '42', 'write'],
    ['one that empties', '241', 'open+truncate'],
    ['one that empties, and only reads', '200', 'open+truncate'],
    ['one that reads', '80000', 'read'],
    ['one that may create what is there', '40', 'read'],
    ['one that opens no more than the path', '200002', 'read'],
  ])('tells %s by its flags', (_, a2, operation) =>
    expect(reader()('openat', [['/etc/x', 'NORMAL']], { a2 })).toEqual({ operation, path: '/etc/x' }),
  );

  it('has flags of open in its second argument, and of openat2 in a record of their own', () => {
    expect(reader()('open', [['/x', 'NORMAL']], { a1: '1' })).toMatchObject({ operation: 'write' });
    const openat2 = (oflag: string) =>
      reader()('openat2', [['/x', 'NORMAL']], {}, [[1337, `oflag=${oflag} mode=0 resolve=0x0`]]);
    expect(openat2('0101001')).toMatchObject({ operation: 'open+truncate' });
    expect(openat2('02100000')).toMatchObject({ operation: 'read' });
    expect(reader()('openat2', [['/x', 'NORMAL']])).toMatchObject({ operation: 'open' });
  });

  it('is no access where it creates', () => {
    const items: Item[] = [
      ['/etc/', 'PARENT'],
      ['/etc/lock', 'CREATE', 2],
    ];
    expect(reader()('openat', items, { a2: '40' })).toEqual({ operation: 'open', path: '/etc/lock' });
  });

  it.each([
    ['x', '/work dir/x'],
    ['./a/../b//c', '/work dir/b/c'],
    ['../x', '/x'],
    ['/a/./b', '/a/b'],
    ['a"b\n', '/work dir/a"b\n'],
  ])('joins %j to the working directory', (name, expected) =>
    expect(
      reader()('unlink', [
        ['/work dir', 'PARENT'],
        [name, 'DELETE', 2],
      ]),
    ).toEqual({
      operation: 'unlink',
      path: expected,
    }),
  );

  it('has both names of a rename, whether or not something is replaced', () => {
    const parents: Item[] = [
      ['/a/', 'PARENT'],
      ['/b/', 'PARENT', 2],
    ];
    const plain: Item[] = [...parents, ['/a/x', 'DELETE', 3], ['/b/y', 'CREATE', 3]];
    const replacing: Item[] = [
      ...parents,
      ['/a/x', 'DELETE', 3],
      ['/b/y', 'DELETE', 4],
      ['/b/y', 'CREATE', 3],
    ];
    for (const items of [plain, replacing])
      expect(reader()('rename', items)).toEqual({ operation: 'rename', path: '/a/x', destPath: '/b/y' });
  });

  it('has both names where two files change places, and knows both afterwards', () => {
    const read = reader();
    const items: Item[] = [
      ['/a/', 'PARENT'],
      ['/a/', 'PARENT'],
      ['/a/x', 'DELETE', 3],
      ['/a/y', 'DELETE', 4],
      ['/a/y', 'CREATE', 3],
      ['/a/x', 'CREATE', 4],
    ];
    expect(read('renameat2', items, { a2: AT_FDCWD })).toEqual({
      operation: 'rename',
      path: '/a/x',
      destPath: '/a/y',
    });
    const byDescriptor = (inode: number) => read('fchmod', [[undefined, 'NORMAL', inode]]);
    expect([byDescriptor(3), byDescriptor(4)]).toMatchObject([{ path: '/a/y' }, { path: '/a/x' }]);
  });

  it('tells the directories of a rename apart whatever order they come in', () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const read = reader();
      // In /work dir, whose inode is 1, and in what has inode 2.
      read('unlink', [
        ['/work dir', 'PARENT', 1],
        ['/work dir/y', 'DELETE', 8],
      ]);
      const items: Item[] = [
        ...order.map((inode): Item => ['/work dir', 'PARENT', inode]),
        ['plain', 'DELETE', 3],
        ['moved', 'CREATE', 3],
      ];
      const rename = () => read('renameat2', items, { a2: '6' });
      expect(rename()).toEqual({
        operation: 'rename',
        path: '/work dir/plain',
        destPath: 'moved',
        isPartial: true,
      });
      read('mkdir', [
        ['/work dir', 'PARENT', 1],
        ['d', 'CREATE', 2],
      ]);
      expect(rename()).toEqual({
        operation: 'rename',
        path: '/work dir/plain',
        destPath: '/work dir/d/moved',
      });
      // Into a directory of which nothing was seen, from one by a descriptor.
      const open = reader((_pid, descriptor, inode) =>
        descriptor === 6 && inode === '2' ? '/opened' : undefined,
      );
      expect(open('renameat2', items, { a2: '6' })).toMatchObject({ destPath: '/opened/moved' });
    }
  });

  it('does not know a file by the inode of one that another has replaced, or that is new', () => {
    const read = reader();
    read('openat', [['/a/y', 'NORMAL', 4]], { a2: '1' });
    read('rename', [
      ['/a/', 'PARENT'],
      ['/a/', 'PARENT'],
      ['/a/x', 'DELETE', 3],
      ['/a/y', 'DELETE', 4],
      ['/a/y', 'CREATE', 3],
    ]);
    const byDescriptor = (inode: number) => read('fchmod', [[undefined, 'NORMAL', inode]]);
    expect(byDescriptor(4)).toMatchObject({ isPartial: true });
    read('openat', [['/a/z', 'NORMAL', 5]], { a2: '1' });
    // In a directory that cannot be told.
    read(
      'openat',
      [
        ['/work dir', 'PARENT', 8],
        ['new', 'CREATE', 5],
      ],
      { a0: '7', a2: '41' },
    );
    expect(byDescriptor(5)).toMatchObject({ isPartial: true });
  });

  it('has no event of a file without a name until it gets one', () => {
    const read = reader();
    expect(read('openat', [['/a', 'NORMAL', 7]], { a2: '410002' })).toBe('other');
    const link = (name: string): Item[] => [
      ['/a', 'PARENT'],
      [name, 'NORMAL', 7],
      ['/a/named', 'CREATE', 7],
    ];
    expect(read('linkat', link(''), { a0: '9', a2: AT_FDCWD })).toEqual({
      operation: 'link',
      path: undefined,
      destPath: '/a/named',
    });
    expect(read('linkat', link('/proc/self/fd/9'), { a2: AT_FDCWD })).toMatchObject({ path: '/a/named' });
  });

  it('has what a descriptor is of in the place of its link in procfs, where that is known', () => {
    const read = reader();
    const through = (inode: number) => read('openat', [['/proc/self/fd/3', 'NORMAL', inode]], { a2: '1' });
    expect(through(5)).toMatchObject({ path: '/proc/self/fd/3' });
    expect(read('fchmod', [[undefined, 'NORMAL', 5]])).toMatchObject({ isPartial: true });
    read('openat', [['/a/x', 'NORMAL', 6]], { a2: '1' });
    expect(through(6)).toMatchObject({ path: '/a/x' });
  });

  it('has what a link is of, and what it leads to', () => {
    expect(
      reader()(
        'linkat',
        [
          ['/a/x', 'NORMAL', 3],
          ['/b/', 'PARENT'],
          ['/b/y', 'CREATE', 3],
        ],
        { a2: AT_FDCWD },
      ),
    ).toEqual({ operation: 'link', path: '/a/x', destPath: '/b/y' });
    const symlink = (text: string) =>
      reader()('symlink', [
        [text, 'UNKNOWN'],
        ['/b/', 'PARENT'],
        ['/b/y', 'CREATE', 3],
      ]);
    expect(symlink('../etc/passwd')).toEqual({ operation: 'symlink', path: '/etc/passwd', destPath: '/b/y' });
    expect(symlink('/etc/passwd')).toMatchObject({ path: '/etc/passwd' });
  });

  it('finds the directory behind a descriptor by its inode, and does not guess', () => {
    const asked: unknown[] = [];
    const read = reader((...question) => {
      asked.push(question);
      return question[2] === '7' ? '/watched' : undefined;
    });
    const below = (inode: number): Item[] => [
      ['/work dir', 'PARENT', inode],
      ['x', 'DELETE', 9],
    ];
    expect(read('unlinkat', below(7), { a0: '5', pid: 42 })).toEqual({
      operation: 'unlink',
      path: '/watched/x',
    });
    expect(asked).toEqual([[42, 5, '7']]);
    // It has been seen by now.
    expect(read('unlinkat', below(7), { a0: '6' })).toMatchObject({ path: '/watched/x' });
    expect(asked).toHaveLength(1);
    expect(read('unlinkat', below(8), { a0: '5' })).toEqual({
      operation: 'unlink',
      path: 'x',
      isPartial: true,
    });
  });

  it('knows a file that is given by a descriptor where it was seen, by the name that it has now', () => {
    const read = reader();
    const byDescriptor = () => read('fchmod', [[undefined, 'NORMAL', 3]], { a0: '4' });
    expect(byDescriptor()).toEqual({ operation: 'chmod', path: undefined, isPartial: true });
    read('openat', [['/a/x', 'NORMAL', 3]], { a2: '1' });
    expect(byDescriptor()).toEqual({ operation: 'chmod', path: '/a/x' });
    read('rename', [
      ['/a/', 'PARENT'],
      ['/b/', 'PARENT', 2],
      ['/a/x', 'DELETE', 3],
      ['/b/y', 'CREATE', 3],
    ]);
    expect(byDescriptor()).toMatchObject({ path: '/b/y' });
    // What is below a directory that has another name.
    read('rename', [
      ['/', 'PARENT'],
      ['/', 'PARENT'],
      ['/b', 'DELETE', 2],
      ['/c', 'CREATE', 2],
    ]);
    expect(byDescriptor()).toMatchObject({ isPartial: true });
    read('openat', [['/c/y', 'NORMAL', 3]], { a2: '1' });
    read('unlink', [
      ['/c/', 'PARENT', 2],
      ['/c/y', 'DELETE', 3],
    ]);
    expect(byDescriptor()).toMatchObject({ isPartial: true });
  });

  it('is incomplete without a file, and counts records that are cut off', () => {
    expect(reader()('unlink', [])).toBe('incomplete');
    const fields = path(['/etc/passwd', 'DELETE', 12], 0);
    for (let end = 0; end < fields.indexOf(' cap_fp'); end++) {
      const reading = reader()('unlink', [], {}, [[1302, fields.slice(0, end)]]);
      expect(reading).toBe('incomplete');
      expect(damage.records).toBe(1);
    }
  });

  it('reads any records without throwing', () => {
    const name = fc.option(fc.string(), { nil: undefined });
    const type = fc.constantFrom('PARENT', 'NORMAL', 'DELETE', 'CREATE', 'UNKNOWN', 'x');
    const read = reader();
    fc.assert(
      fc.property(
        fc.constantFrom(...fileCallNames.filter(call => numberOf(call) !== undefined)),
        fc.array(fc.tuple(name, type, fc.nat(9)), { maxLength: 6 }),
        fc.constantFrom(AT_FDCWD, '3', '0'),
        (call, items, a0) => {
          const event = read(call, items, { a0 });
          if (typeof event !== 'string' && event.isPartial !== true) expect(event.path).toMatch(/^\//);
        },
      ),
    );
  });
});
