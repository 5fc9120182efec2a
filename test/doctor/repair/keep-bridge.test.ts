import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type CheckResult, ok, problem } from '../../../src/doctor/check-result.ts';
import { keepBridge } from '../../../src/doctor/repair/keep-bridge.ts';

const REFUSED = problem('repair', 'refused: an instance is running', 'stop it');
const DONE = ok('repair', 'now enabled 0');

const keep = async (answers: readonly CheckResult[], signal = new AbortController().signal) => {
  let tries = 0;
  const repair = async () => [answers[Math.min(tries++, answers.length - 1)]!];
  const results = await keepBridge({ fd: openSync('/dev/null', 'r'), patienceMs: 1, signal, repair });
  return { tries, results };
};

test('puts audit back once', async () => {
  expect(await keep([DONE])).toEqual({ tries: 1, results: [DONE] });
});

test('tries again while an instance is in the way', async () => {
  expect(await keep([REFUSED, REFUSED, DONE])).toEqual({ tries: 3, results: [DONE] });
});

test('does not try for ever, and says why it gave up', async () => {
  expect(await keep([REFUSED])).toEqual({ tries: 6, results: [REFUSED] });
});

test('tries once when it has to end', async () => {
  expect(await keep([REFUSED], AbortSignal.abort())).toEqual({ tries: 1, results: [REFUSED] });
});
