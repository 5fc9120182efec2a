import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseUnauditedTasks } from '../../src/bpf/unaudited-tasks.ts';

const pidsIn = (bytes: Uint8Array) => parseUnauditedTasks(Buffer.from(bytes));

test('a process with several threads counts once', () => {
  expect(pidsIn(new Uint8Array(Uint32Array.of(1, 700, 700, 801).buffer))).toEqual([1, 700, 801]);
});

test('what is cut off is left out', () => {
  const whole = new Uint8Array(Uint32Array.of(7, 8).buffer);
  for (let length = 0; length < whole.length; length++) {
    expect(pidsIn(whole.subarray(0, length))).toEqual(length < 4 ? [] : [7]);
  }
});

test('of any bytes only pids come out', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const pids = pidsIn(bytes);
      expect(new Set(pids).size).toBe(pids.length);
      expect(pids.length).toBeLessThanOrEqual(bytes.length / 4);
    }),
  );
});
