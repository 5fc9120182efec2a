import { expect, test } from 'vitest';
import { checkSelfTest } from '../../../src/doctor/checks/self-test.ts';
import type { SelfTestResult } from '../../../src/doctor/self-test/self-test-result.ts';

const made = {
  way: 'kernel',
  source: 'kernel audit',
  program: '/bin/true x',
  pid: 12,
  milliseconds: 33.7,
  notRestored: [],
} as const;

test.each<[SelfTestResult, string, string]>([
  [{ kind: 'seen', ...made }, 'ok', '/bin/true x (pid 12) was seen in kernel audit 34 ms after its start'],
  [
    { kind: 'not-seen', ...made },
    'problem',
    '/bin/true x (pid 12) was not seen in kernel audit within 34 ms',
  ],
  [{ kind: 'failed', way: 'kernel', why: 'it broke', notRestored: [] }, 'problem', 'it broke'],
  [{ kind: 'skipped', why: 'no root', fix: 'be root' }, 'unknown', 'not made: no root'],
])('%j', (selfTest, status, found) => {
  expect(checkSelfTest({ selfTest })).toMatchObject([{ check: 'self-test', status, found }]);
});

test('what is not as it was is a problem even if the row was seen', () => {
  const selfTest = { kind: 'seen', ...made, notRestored: ['enabled is 1, and was 0'] } as const;
  expect(checkSelfTest({ selfTest })).toMatchObject([
    { check: 'self-test', status: 'ok' },
    { check: 'audit restored', status: 'problem', found: 'after the self-test enabled is 1, and was 0' },
  ]);
});
