import { expect, test } from 'vitest';
import { ProgressLine } from '../../src/cli/progress-line.ts';

const terminal = (isTTY: boolean, columns?: number) => {
  const written: string[] = [];
  let now = 0;
  const output = { isTTY, columns, write: (text: string) => written.push(text) > 0 };
  const line = new ProgressLine(output as never, () => now);
  return {
    line,
    written,
    wait: (ms: number) => {
      now += ms;
    },
  };
};

test('says how far a replay is, and how long it will take', () => {
  const { line, written, wait } = terminal(true);
  line.show({ read: 1e6, size: 400e6 }, 10);
  expect(written).toEqual([]);
  wait(2_000);
  line.show({ read: 100e6, size: 400e6 }, 75_000);
  expect(written.at(-1)).toBe('\r\x1b[K100 MB of 400 MB, 75,000 events, 6 s left (Ctrl-C: enough)');
  line.clear();
  line.clear();
  expect(written.at(-1)).toBe('\r\x1b[K');
  expect(written).toHaveLength(2);
});

test('of standard input says what was read', () => {
  const { line, written, wait } = terminal(true);
  line.show({ read: 0, size: undefined }, 0);
  wait(1_000);
  line.show({ read: 5e6, size: undefined }, 3);
  expect(written.at(-1)).toBe('\r\x1b[K5 MB, 3 events (Ctrl-C: enough)');
});

test('a second reading has times of its own, and says what it is for', () => {
  const { line, written, wait } = terminal(true);
  line.show({ read: 1, size: 100e6 }, 0);
  wait(100_000);
  line.end();
  line.show({ read: 0, size: 100e6 }, 0);
  wait(1_000);
  line.show({ read: 50e6, size: 100e6 }, 5, 'once more, for telemetry');
  expect(written.at(-1)).toBe('\r\x1b[K50 MB of 100 MB, 5 events, 1 s left (once more, for telemetry)');
});

test('fits the terminal, because a line that wraps could not be removed', () => {
  const { line, written, wait } = terminal(true, 20);
  line.show({ read: 0, size: 100e6 }, 0);
  wait(1_000);
  line.show({ read: 50e6, size: 100e6 }, 5);
  expect(written.at(-1)).toBe('\r\x1b[K50 MB of 100 MB, 5 ');
});

test('writes nothing where there is no terminal', () => {
  const { line, written, wait } = terminal(false);
  line.show({ read: 0, size: 1 }, 0);
  wait(10_000);
  line.show({ read: 1, size: 1 }, 0);
  line.clear();
  expect(written).toEqual([]);
});
