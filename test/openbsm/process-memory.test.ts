import { describe, expect, it } from 'vitest';
import { ProcessMemory } from '../../src/openbsm/process-memory.ts';

describe('ProcessMemory', () => {
  it('knows parents and images', () => {
    const memory = new ProcessMemory(10);
    memory.exec(1, '/bin/sh');
    memory.fork(2, 1);
    expect(memory.find(2)).toEqual({ ppid: 1, path: '/bin/sh' });
    memory.exec(2, '/bin/ls');
    expect(memory.find(2)).toEqual({ ppid: 1, path: '/bin/ls' });
    expect(memory.find(1)).toEqual({ ppid: undefined, path: '/bin/sh' });
    memory.exit(2);
    expect(memory.find(2)).toBeUndefined();
  });

  it('takes a pid that comes again as a new process', () => {
    const memory = new ProcessMemory(10);
    memory.exec(1, '/bin/a');
    memory.exec(2, '/bin/b');
    memory.fork(3, 1);
    memory.fork(3, 2);
    expect(memory.find(3)).toEqual({ ppid: 2, path: '/bin/b' });
  });

  it('forgets who was not mentioned for the longest time', () => {
    const memory = new ProcessMemory(3);
    memory.exec(1, '/sbin/launchd');
    memory.fork(2, 1);
    memory.fork(3, 1);
    memory.fork(4, 1);
    expect([1, 2, 3, 4].map(pid => memory.find(pid) !== undefined)).toEqual([true, false, true, true]);
  });

  it('holds no more than its limit', () => {
    const memory = new ProcessMemory(100);
    for (let pid = 0; pid < 5000; pid++) memory.fork(pid, pid >> 1);
    expect(memory.size).toBe(100);
  });
});
