import { expect, test } from 'vitest';
import { readProcesses } from '../../../src/doctor/readers/read-processes.ts';
import { fakeRoot, processFiles } from '../fake-root.ts';

test('names by pid, without this process and without what is no process', () => {
  const root = fakeRoot({
    ...processFiles(1, 'systemd'),
    ...processFiles(42, 'auditd'),
    ...processFiles(43, 'killed) R 1', { state: 'Z' }),
    ...processFiles(44, 'osquery-audit-e', { uid: 65_000 }),
    ...processFiles(50, 'me'),
    '/proc/60/status': 'ended meanwhile',
    '/proc/self/comm': 'me\n',
    '/proc/uptime': '1',
  });
  expect(readProcesses(root, 50)).toEqual({
    names: new Map([
      [1, 'systemd'],
      [42, 'auditd'],
      [44, 'osquery-audit-e'],
    ]),
    ofUsers: new Set([44]),
    withoutAudit: new Set(),
    complete: true,
  });
});

test('a name with a line break in it stays one name', () => {
  expect(readProcesses(fakeRoot(processFiles(7, 'a\nb')), 1).names.get(7)).toBe('a\nb');
});

test('without init, or without procfs, others are hidden', () => {
  expect(readProcesses(fakeRoot(processFiles(42, 'bash')), 50).complete).toBe(false);
  expect(readProcesses(fakeRoot({}), 50)).toEqual({
    names: new Map(),
    ofUsers: new Set<number>(),
    withoutAudit: new Set(),
    complete: false,
  });
});

test('the real procfs has this process if another asks', () => {
  expect(readProcesses('/', -1).names.has(process.pid)).toBe(process.platform === 'linux');
  expect(readProcesses('/').names.has(process.pid)).toBe(false);
});
