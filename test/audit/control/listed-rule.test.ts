import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseListedRule } from '../../../src/audit/control/listed-rule.ts';
import { listedRule, ownRules } from '../../doctor/facts.ts';

test('a rule reads as it was written', () => {
  const lists = { task: 1, exit: 4, exclude: 5, other: 6 } as const;
  fc.assert(
    fc.property(
      fc.constantFrom('task', 'exit', 'exclude', 'other'),
      fc.constantFrom(0, 2),
      fc.boolean(),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.constant(0x40000000), fc.nat()), {
        maxLength: 63,
      }),
      fc.uniqueArray(fc.integer({ min: 0, max: 2047 }), { maxLength: 20 }),
      fc.option(fc.string(), { nil: undefined }),
      (list, action, prepend, fields, syscalls, key) => {
        const bytes = listedRule({
          list: lists[list] | (prepend ? 0x10 : 0),
          action: action as 0 | 2,
          fields,
          syscalls,
          ...(key === undefined ? {} : { key }),
        });
        const rule = parseListedRule(bytes)!;
        expect(rule.list).toBe(list);
        expect(rule.never).toBe(action === 0);
        expect(rule.fields).toEqual(fields.map(([field, op, value]) => ({ field, op, value })));
        const present = Array.from({ length: 2048 }, (_, i) => i).filter(i => rule.hasSyscall(i));
        expect(present).toEqual(syscalls.toSorted((a, b) => a - b));
      },
    ),
  );
});

test('cut off, it is no rule; longer or garbled, it is still read', () => {
  const [whole] = ownRules();
  for (const length of [0, 1, 4, 1039]) expect(parseListedRule(whole!.subarray(0, length))).toBeUndefined();
  expect(parseListedRule(whole!.subarray(0, 1040))).toBeDefined();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1040, maxLength: 1100 }), bytes => {
      expect(parseListedRule(bytes)!.fields.length).toBeLessThanOrEqual(64);
    }),
  );
});

test.each([-1, 2048, 1e9])('there is no system call %d', number => {
  expect(parseListedRule(listedRule({ list: 4, action: 2, syscalls: [2047] }))!.hasSyscall(number)).toBe(
    false,
  );
});
