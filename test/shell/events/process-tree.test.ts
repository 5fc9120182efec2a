import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COLOURED, PLAIN } from '../../../src/runtime/terminal/style.ts';
import { drawTrees, drawWithAncestors } from '../../../src/shell/events/draw-tree.ts';
import {
  processesOf,
  type TreeProcess,
  treesOfEvents,
  treesOfTelemetry,
} from '../../../src/shell/events/process-tree.ts';

const TIME = '1796095145';
const SHOWN = '2026-12-01T03:19:05Z';

const exec = (pid: number, parent: number, cmdline: string, more = {}) => ({
  time: TIME,
  uid: '0',
  pid: String(pid),
  parent: String(parent),
  cmdline,
  path: '/bin/x',
  ...more,
});

const draw = (roots: Iterable<TreeProcess>): string[] => [
  ...drawTrees(roots, { width: undefined, style: PLAIN }),
];

describe('trees of process_events', () => {
  test('a parent has its children below it, and the programs of a process are one line', () => {
    const roots = treesOfEvents([
      exec(10, 1, 'sh -c "a; b"'),
      exec(11, 10, 'sh a'),
      exec(11, 10, 'a', { uid: '5' }),
      exec(12, 10, 'b'),
      exec(13, 11, 'of a'),
      exec(20, 2, 'other'),
    ]);
    expect(draw(roots)).toEqual([
      '1  (not recorded)',
      `└─ 10  ${SHOWN}  uid 0  sh -c "a; b"`,
      `   ├─ 11  ${SHOWN}  uid 0 → 5  sh a → a`,
      `   │  └─ 13  ${SHOWN}  uid 0  of a`,
      `   └─ 12  ${SHOWN}  uid 0  b`,
      '2  (not recorded)',
      `└─ 20  ${SHOWN}  uid 0  other`,
    ]);
  });

  test('a process that is seen as a parent first gets its place when it runs a program', () => {
    const roots = treesOfEvents([exec(12, 11, 'child'), exec(11, 10, 'parent')]);
    expect(draw(roots)).toEqual([
      '10  (not recorded)',
      `└─ 11  ${SHOWN}  uid 0  parent`,
      `   └─ 12  ${SHOWN}  uid 0  child`,
    ]);
  });

  test('a pid that comes again is another process', () => {
    const roots = treesOfEvents([
      exec(11, 10, 'first'),
      exec(30, 11, 'of the first'),
      exec(11, 20, 'second'),
      exec(31, 11, 'of the second'),
      { ...exec(11, 20, ''), syscall: 'clone' },
      exec(32, 11, 'of the third'),
    ]);
    const [first, second, third] = processesOf(roots, 11);
    const pids = (process: TreeProcess | undefined) => [...(process?.children ?? [])].map(({ pid }) => pid);
    expect([pids(first), pids(second), pids(third)]).toEqual([[30], [31], [32]]);
  });

  test('signals and other rows are no processes', () => {
    expect(draw(treesOfEvents([{ ...exec(5, 4, 'kill'), syscall: 'kill' }]))).toEqual([]);
  });

  test('whatever the rows say, every process is in one place, and drawing ends', () => {
    const pid = fc.integer({ min: 0, max: 6 });
    const syscall = fc.constantFrom('', 'execve', 'clone', 'kill');
    fc.assert(
      fc.property(fc.array(fc.tuple(pid, pid, syscall), { maxLength: 60 }), rows => {
        const roots = treesOfEvents(
          rows.map(([own, parent, syscall]) => exec(own, parent, 'x', { syscall })),
        );
        const lines = draw(roots);
        const execs = rows.filter(([, , syscall]) => syscall === '' || syscall === 'execve').length;
        const drawn = lines.join('\n').match(/\bx\b/g)?.length ?? 0;
        expect(drawn).toBe(execs + (lines.join('\n').match(/\/bin\/x/g)?.length ?? 0));
      }),
    );
  });

  test('a chain of 100,000 processes is drawn', () => {
    const rows = Array.from({ length: 100_000 }, (_, index) => exec(index + 2, index + 1, 'x'));
    const lines = draw(treesOfEvents(rows));
    expect(lines).toHaveLength(100_001);
    expect(lines.at(-1)).toMatch(/\[100000\] 100001 {2}/);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(200);
  });
});

describe('trees of process_telemetry_events', () => {
  const row = (pid: number, start: string, line: string, ancestors: readonly object[] | string) => ({
    time: TIME,
    user_uid: '0',
    process_pid: String(pid),
    process_start_timestamp: start,
    process_path: '/bin/y',
    process_command_line: line,
    ancestors: typeof ancestors === 'string' ? ancestors : JSON.stringify(ancestors),
  });
  const init = { pid: 1, timestamp: 'boot', path: '/sbin/init' };

  test('ancestors are named though they are not recorded, and a pid that comes again is another process', () => {
    const bash = { pid: 7, timestamp: 't7', path: '/bin/bash' };
    const roots = treesOfTelemetry([
      row(8, 't8', 'ls', [bash, init]),
      row(8, 't8', 'ls of ls', [bash, init]),
      row(8, 'later', 'id', [{ pid: 9, timestamp: 't9' }, init]),
    ]);
    expect(draw(roots)).toEqual([
      '1  (not recorded)  /sbin/init',
      '├─ 7  (not recorded)  /bin/bash',
      `│  └─ 8  ${SHOWN}  uid 0  ls → ls of ls`,
      '└─ 9  (not recorded)',
      `   └─ 8  ${SHOWN}  uid 0  id`,
    ]);
  });

  test('ancestors that cannot be read, or contradict one another, harm nothing', () => {
    const [a, b] = [
      { pid: 1, timestamp: 'a' },
      { pid: 2, timestamp: 'b' },
    ];
    const roots = treesOfTelemetry([
      row(5, 't', 'five', '{'),
      row(6, 't', 'six', '[1, null, {"pid": "x"}]'),
      row(7, 't', 'seven', [a, b]),
      row(8, 't', 'eight', [b, a]),
      row(1, 'a', 'itself', [a]),
    ]);
    expect(draw(roots).filter(line => /five|six|seven|eight|itself/.test(line))).toHaveLength(5);
  });
});

describe('drawing', () => {
  const roots = treesOfEvents([
    exec(2, 1, 'a'),
    exec(3, 2, 'b'),
    exec(4, 3, 'c'),
    exec(5, 3, 'd'),
    exec(6, 2, 'e'),
  ]);

  test('one process with its ancestors', () => {
    const [three] = processesOf(roots, 3);
    expect([...drawWithAncestors(three!, { width: undefined, style: PLAIN })]).toEqual([
      '1  (not recorded)',
      `└─ 2  ${SHOWN}  uid 0  a`,
      `   └─ 3  ${SHOWN}  uid 0  b`,
      `      ├─ 4  ${SHOWN}  uid 0  c`,
      `      └─ 5  ${SHOWN}  uid 0  d`,
    ]);
  });

  test('lines fit the terminal, and a command line cannot act on it', () => {
    const [line] = [
      ...drawTrees([...processesOf(treesOfEvents([exec(2, 1, '\u001b[2J\nx'.repeat(20))]), 2)], {
        width: 50,
        style: COLOURED,
      }),
    ].slice(-1);
    const plain = line!.replaceAll(/\u001b\[(?:1|2|22)m/g, '');
    expect(plain).toHaveLength(50);
    expect(plain).toMatch(/uid 0 {2}\\x1b\[2J\\nx\\x1b.*…$/);
  });
});
