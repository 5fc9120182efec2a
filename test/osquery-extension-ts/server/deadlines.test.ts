import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Due } from '../../../src/osquery-extension-ts/src/server/deadlines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Somebody in a set, who leaves it when the time is up. */
const someone = (all: Set<Due>, expired: string[], name: string, milliseconds: number): Due => {
  const due = {
    deadline: Deadlines.now() + milliseconds,
    expire: (): void => {
      expired.push(name);
      all.delete(due);
    },
  };
  all.add(due);
  return due;
};

test('each expires at its own time, whoever came first', () => {
  const all = new Set<Due>();
  const expired: string[] = [];
  const deadlines = new Deadlines(all);
  for (const [name, milliseconds] of [
    ['late', 300],
    ['early', 100],
    ['between', 200],
  ] as const)
    deadlines.add(someone(all, expired, name, milliseconds).deadline);
  vi.advanceTimersByTime(99);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(['early']);
  vi.advanceTimersByTime(100);
  expect(expired).toEqual(['early', 'between']);
  vi.advanceTimersByTime(100);
  expect(expired).toEqual(['early', 'between', 'late']);
});

test('who is done, or has more time, does not expire; one timer is enough for all', () => {
  const all = new Set<{ deadline: number; expire: () => void }>();
  const expired: string[] = [];
  const deadlines = new Deadlines(all);
  for (let i = 0; i < 1_000; i++) deadlines.add(someone(all, expired, `${i}`, 100).deadline);
  expect(vi.getTimerCount()).toBe(1);
  const [first, second] = all;
  all.clear();
  all.add(first!).add(second!);
  second!.deadline += 50;
  vi.advanceTimersByTime(100);
  expect(expired).toEqual(['0']);
  vi.advanceTimersByTime(50);
  expect(expired).toEqual(['0', '1']);
  expect(vi.getTimerCount()).toBe(0);
});

test('nobody expires after the end', () => {
  const all = new Set<Due>();
  const expired: string[] = [];
  const deadlines = new Deadlines(all);
  deadlines.add(someone(all, expired, 'one', 100).deadline);
  deadlines.stop();
  vi.advanceTimersByTime(1_000);
  expect(expired).toEqual([]);
});
