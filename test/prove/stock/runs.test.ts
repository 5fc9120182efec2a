import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Runs } from './runs.ts';

const line = (name: string): string =>
  `I1130 13:51:22.996893   914 scheduler.cpp:120] Executing scheduled query ${name}: SELECT 1\n`;

test('runs are read from lines that come in any pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 20 }), cuts => {
      const text = `${line('a')}W something else\n${line('pack_b_c')}${line('a')}`;
      const runs = new Runs();
      let from = 0;
      for (const length of cuts) {
        runs.read(text.slice(from, from + length), 0);
        from += length;
      }
      runs.read(text.slice(from), 0);
      expect(runs.all.map(({ name }) => name)).toEqual(['a', 'pack_b_c', 'a']);
      expect(runs.of('a')).toHaveLength(2);
    }),
  );
});

test('the longest pause is between two starts, or after the last', () => {
  const runs = new Runs();
  expect(runs.longestPause(99)).toBe(0);
  for (const at of [10, 20, 50]) runs.read(line('q'), at);
  expect(runs.longestPause(60)).toBe(30);
  expect(runs.longestPause(100)).toBe(50);
});
