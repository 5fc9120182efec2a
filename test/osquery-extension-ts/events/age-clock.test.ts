import { AgeClock } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';

const AGE = 100;
const HOUR = 3_600;

const start = () => {
  let wall = 1_000_000;
  let monotonic = 50;
  return {
    clock: new AgeClock(
      () => wall,
      () => monotonic,
    ),
    pass: (seconds: number): void => {
      wall += seconds;
      monotonic += seconds;
    },
    set: (by: number): void => {
      wall += by;
    },
  };
};

describe('AgeClock', () => {
  it('is the wall clock', () => {
    const { clock, pass } = start();
    expect(clock.now(AGE)).toBe(1_000_000);
    pass(7);
    expect(clock.now(AGE)).toBe(1_000_007);
  });

  it.each([HOUR, -HOUR])('has no time after a step of %i s until the age has passed', step => {
    const { clock, pass, set } = start();
    pass(10);
    set(step);
    expect(clock.now(AGE)).toBeUndefined();
    pass(AGE - 1);
    expect(clock.now(AGE)).toBeUndefined();
    pass(1);
    expect(clock.now(AGE)).toBe(1_000_000 + 10 + step + AGE);
    // Another age, another end.
    expect(clock.now(2 * AGE)).toBeUndefined();
  });

  it('takes slewing for what it is', () => {
    const { clock, pass, set } = start();
    for (let i = 0; i < 20; i++) {
      pass(1_000);
      set(0.5);
      expect(clock.now(AGE)).toBeDefined();
    }
  });
});
