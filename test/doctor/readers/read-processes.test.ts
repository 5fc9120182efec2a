import { expect, test } from 'vitest';
import { readProcesses } from '../../../src/doctor/readers/read-processes.ts';
import { fakeRoot } from '../fake-root.ts';

test('names by pid, without this process and without what is no process', () => {
  const root = fakeRoot({
    '/proc/1/comm': 'systemd\n',
    '/proc/42/comm': 'auditd\n',
    '/proc/50/comm': 'me\n',
    '/proc/60/status': 'ended meanwhile',
    '/proc/self/comm': 'me\n',
    '/proc/uptime': '1',
  });
  expect(readProcesses(root, 50)).toEqual({
    names: new Map([
      [1, 'systemd'],
      [42, 'auditd'],
    ]),
    complete: true,
  });
});

test('a name with a line break in it stays one name', () => {
  expect(readProcesses(fakeRoot({ '/proc/7/comm': 'a\nb\n' }), 1).names.get(7)).toBe('a\nb');
});

test('without init, or without procfs, others are hidden', () => {
  expect(readProcesses(fakeRoot({ '/proc/42/comm': 'bash\n' }), 50).complete).toBe(false);
  expect(readProcesses(fakeRoot({}), 50)).toEqual({ names: new Map(), complete: false });
});

test('the real procfs has this process if another asks', () => {
  expect(readProcesses('/', -1).names.has(process.pid)).toBe(process.platform === 'linux');
  expect(readProcesses('/').names.has(process.pid)).toBe(false);
});
