import { expect, test } from 'vitest';
import { outcomeOf, type TestReport } from './outcome.ts';

type Tests = TestReport['testResults'][number]['assertionResults'];
const passed = { fullName: 'a shell ends', status: 'passed', failureMessages: [] };
const skipped = { fullName: 'containers', status: 'skipped' };
const failed = { fullName: 'rows come', status: 'failed', failureMessages: ['expected 1, got 2\n at x.ts'] };

const outcome = (assertionResults: Tests, message = '') => {
  const { files, problems } = outcomeOf({
    testResults: [{ name: '/x/test/live/a.test.ts', message, assertionResults }],
  });
  return { a: files.get('a'), problems };
};

test('what passed and what was skipped is counted', () => {
  expect(outcome([passed, passed])).toEqual({ a: '2', problems: [] });
  expect(outcome([passed, skipped])).toEqual({ a: '1, 1 skipped', problems: [] });
});

test('a test that failed is named with the first line of why', () => {
  expect(outcome([passed, failed])).toEqual({
    a: '1 of 2 failed',
    problems: ['a: rows come: expected 1, got 2'],
  });
});

test('a file that could not be loaded is a problem, and so is a set-up that failed', () => {
  const broken = { a: 'failed', problems: ['a: no such module'] };
  expect(outcome([], 'no such module\nstack')).toEqual(broken);
  expect(outcome([passed], 'no such module\nstack')).toEqual(broken);
});

test('no test at all is a problem', () => {
  expect(outcomeOf({ testResults: [] }).problems).toEqual(['expected tests, and none ran']);
});
