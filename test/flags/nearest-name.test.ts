import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearestName } from '../../src/flags/nearest-name.ts';

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['abc', 'ab', 1],
  ['abc', 'xabc', 1],
  ['kitten', 'sitting', 3],
])('%s to %s is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test('names far from every candidate have no neighbour', () => {
  expect(nearestName('zzzzzz', ['events_max', 'verbose'])).toBeUndefined();
  expect(nearestName('', ['a'])).toBeUndefined();
  expect(nearestName('x'.repeat(65), ['x'.repeat(65)])).toBeUndefined();
  expect(nearestName('evnts_max', ['verbose', 'events_max'])).toBe('events_max');
});

test('one edit is one away at most, and never further than the longer word', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 30 }),
      fc.nat(),
      fc.string({ minLength: 1, maxLength: 1 }),
      (word, at, letter) => {
        const i = at % word.length;
        expect(editDistance(word, word.slice(0, i) + letter + word.slice(i + 1))).toBeLessThanOrEqual(1);
        expect(editDistance(word, word.slice(0, i) + word.slice(i + 1))).toBe(1);
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(distance === 0).toBe(a === b);
    }),
  );
});
