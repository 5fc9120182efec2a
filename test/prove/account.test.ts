import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { account, type Execution } from './account.ts';

const executed = (...times: number[]): Execution[] =>
  times.map((from, number) => ({ number, from, to: from + 1 }));
const BREAK = { name: 'killed', lastQuery: 100, deaf: 150, listening: 200 };

describe('account', () => {
  test('everything in the log once', () => {
    expect(account(executed(10, 110, 160, 300), [3, 2, 1, 0], [BREAK], 5)).toMatchObject({
      executed: 4,
      once: 4,
      moreThanOnce: [],
      unknown: [],
      missing: 0,
      unexplained: [],
    });
  });

  test('what is missing is put down to memory, to nobody listening, or to nothing', () => {
    const runs = executed(10, 96, 149, 155, 199, 210);
    const found = account(runs, [], [BREAK], 5);
    expect(found.missing).toBe(6);
    expect(found.breaks).toEqual([{ name: 'killed', inMemory: 1, unheard: 3, memoryMs: 50, deafMs: 50 }]);
    expect(found.unexplained.map(({ number }) => number)).toEqual([0, 5]);
  });

  test('what is there twice, or was never run, is told', () => {
    expect(account(executed(1, 2), [0, 0, 7], [], 0)).toMatchObject({
      once: 0,
      moreThanOnce: [0],
      unknown: [7],
      missing: 1,
    });
  });

  test('each execution is in one place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(400), { maxLength: 50 }),
        fc.array(fc.nat(50), { maxLength: 80 }),
        fc.nat(20),
        (times, logged, latency) => {
          const runs = executed(...times);
          const found = account(
            runs,
            logged,
            [BREAK, { ...BREAK, lastQuery: 300, deaf: 310, listening: 320 }],
            latency,
          );
          const known = found.moreThanOnce.filter(number => number < runs.length).length;
          expect(found.once + known + found.missing).toBe(runs.length);
          const explained = found.breaks.reduce((sum, { inMemory, unheard }) => sum + inMemory + unheard, 0);
          expect(explained + found.unexplained.length).toBe(found.missing);
        },
      ),
    );
  });
});
