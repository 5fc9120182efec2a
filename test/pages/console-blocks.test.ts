import { describe, expect, test } from 'vitest';
import { consoleBlock, fencesOf, proseOf, withoutNumbers } from './console-blocks.ts';

const page = (info: string, ...lines: readonly string[]): string =>
  ['# T', '', `\`\`\`${info}`, ...lines, '```', 'after', ''].join('\n');

test('a block has its commands, whose they are, what they print and where that is', () => {
  const [fence] = fencesOf(page('console', '$ one', 'a', 'b', '# two', '$ three', ''));
  expect(consoleBlock(fence!)).toEqual({
    truth: { kind: 'run' },
    commands: [
      { line: 'one', isRoot: false, output: 'a\nb', from: 5, to: 7 },
      { line: 'two', isRoot: true, output: '', from: 8, to: 8 },
      { line: 'three', isRoot: false, output: '', from: 9, to: 10 },
    ],
  });
});

describe('the mark of a block', () => {
  test.each([
    ['console', { kind: 'run' }],
    ['console live', { kind: 'live' }],
    ['console by prove:fresh', { kind: 'by', script: 'prove:fresh' }],
    ['console recorded 2026-11-30', { kind: 'recorded', date: '2026-11-30' }],
  ])('%s is read', (info, truth) => {
    expect(consoleBlock(fencesOf(page(info))[0]!)?.truth).toEqual(truth);
  });

  test.each([
    'console Live',
    'console by',
    'console recorded yesterday',
    'console live now',
    'console by a b',
  ])('%s is refused, with its line', info => {
    expect(() => consoleBlock(fencesOf(page(info))[0]!)).toThrow('line 3: expected console, with live');
  });

  test.each(['text', 'json', '', 'consoles'])('%j is none of commands', info => {
    expect(consoleBlock(fencesOf(page(info))[0]!)).toBeUndefined();
  });
});

test('a block without an end is refused', () => {
  expect(() => fencesOf('a\n```text\nb\n')).toThrow('line 2: expected an end of the block');
});

test('prose is the page without its blocks', () => {
  expect(proseOf(page('text', '`--no_such_flag`'))).toBe('# T\n\nafter\n');
});

test('numbers and the widths of tables do not count in what is live, words do', () => {
  const wide = '+-----+\n| pid |\n+-----+\n| 812 |\n+-----+';
  const wider = '+-------+\n| pid   |\n+-------+\n| 21345 |\n+-------+';
  expect(withoutNumbers(wide)).toBe(withoutNumbers(wider));
  expect(withoutNumbers(wide)).not.toBe(withoutNumbers(wider.replace('pid  ', 'uid  ')));
});
