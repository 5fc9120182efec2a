import { describe, expect, it } from 'vitest';
import { wallOffset } from '../../src/model/wall-offset.ts';
import { FakeClock } from './fake-clock.ts';
import { NOON } from './process-events.ts';

describe('wallOffset', () => {
  it('places another clock on the wall clock', () => {
    const clock = new FakeClock();
    expect(wallOffset(clock, () => 500)).toBe(NOON - 500);
    expect(wallOffset(clock, () => undefined)).toBeUndefined();
  });

  it('is not misled when the thread lost the processor while reading', () => {
    const clock = new FakeClock();
    const stalls = [300, 40, 0];
    const start = clock.monotonicMs();
    const offset = wallOffset(clock, () => {
      clock.stall(stalls.shift()!);
      return clock.monotonicMs() - start;
    });
    expect(offset).toBe(NOON);
  });

  it('takes the best of several readings when all were disturbed', () => {
    const clock = new FakeClock();
    const stalls = [300, 40, 6, 80, 90];
    const start = clock.monotonicMs();
    const offset = wallOffset(clock, () => {
      const now = clock.monotonicMs() - start;
      clock.stall(stalls.shift()!);
      return now;
    });
    expect(offset).toBe(NOON + 3);
    expect(stalls).toEqual([]);
  });
});
