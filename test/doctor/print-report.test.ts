import { expect, test } from 'vitest';
import { ok, problem, unknown } from '../../src/doctor/check-result.ts';
import { exitStatus, printJson, printReport } from '../../src/doctor/print-report.ts';

const results = [
  ok('kernel', 'it has audit'),
  problem('auditd', 'it runs', 'stop it'),
  unknown('x', 'who knows', 'be root'),
];

test('a line for each check, its fix below it, a count at the end', () => {
  expect(printReport(results)).toBe(
    [
      'ok       kernel  it has audit',
      'problem  auditd  it runs',
      '                 fix: stop it',
      'unknown  x       who knows',
      '                 fix: be root',
      '',
      '1 problem, 1 unknown, 1 ok',
      '',
    ].join('\n'),
  );
});

test('what a process or file is called cannot act on the terminal', () => {
  const text = printReport([problem('auditd', 'a\u001b[2Jb\nc\u2028d\u202ee', 'x\u0007')]);
  expect(text.split('\n')[0]).toBe('problem  auditd  a\ufffd[2Jb\ufffdc\ufffdd\ufffde');
  expect(text.split('\n')[1]).toContain('fix: x\ufffd');
});

test('JSON has the four fields of every result', () => {
  expect(JSON.parse(printJson(results))).toEqual([
    { check: 'kernel', status: 'ok', found: 'it has audit', fix: null },
    { check: 'auditd', status: 'problem', found: 'it runs', fix: 'stop it' },
    { check: 'x', status: 'unknown', found: 'who knows', fix: 'be root' },
  ]);
});

test('only a problem makes the exit status 1', () => {
  expect(exitStatus(results)).toBe(1);
  expect(exitStatus([results[0]!, results[2]!])).toBe(0);
  expect(exitStatus([])).toBe(0);
});
