import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ProcConnectorEvent } from '../../../src/model/process/cn-proc.ts';
import { KernelProcessConnector } from '../../../src/model/process/process-connector.ts';
import { unless } from '../../unless.ts';

const open = (): KernelProcessConnector | undefined => {
  try {
    return KernelProcessConnector.open();
  } catch {
    return undefined;
  }
};

/** Whether this kernel gives its process events to this process: root on the host, with CONFIG_PROC_EVENTS. */
const isAvailable = ((): boolean => {
  const connector = open();
  let answered = false;
  connector?.drain(event => {
    answered ||= event.kind === 'reply' && event.error === 0;
  });
  connector?.close();
  return answered;
})();

describe(
  "the kernel's process connector",
  unless(isAvailable ? undefined : 'the process connector cannot be had'),
  () => {
    it('tells of a process that has come and gone, with its parent and on the monotonic clock', () => {
      const connector = KernelProcessConnector.open();
      try {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const { pid } = spawnSync('/bin/true');
        const after = Number(process.hrtime.bigint()) / 1e6;
        const events: ProcConnectorEvent[] = [];
        // At once, without a turn of the event loop: that is what the process tree needs.
        connector.drain(event => events.push(event));
        const fork = events.find(event => event.kind === 'fork' && event.pid === pid);
        const exit = events.find(event => event.kind === 'exit' && event.pid === pid);
        expect(fork).toMatchObject({ parent: process.pid });
        const exec = events.find(event => event.kind === 'exec' && event.pid === pid);
        expect(exec).toBeDefined();
        expect(exit).toBeDefined();
        if (fork?.kind !== 'fork' || exec?.kind !== 'exec' || exit?.kind !== 'exit') return;
        expect(fork.monotonicMs).toBeGreaterThanOrEqual(before);
        expect(exec.monotonicMs).toBeGreaterThanOrEqual(fork.monotonicMs);
        expect(exit.monotonicMs).toBeGreaterThanOrEqual(exec.monotonicMs);
        expect(exit.monotonicMs).toBeLessThanOrEqual(after);
        expect(connector.counters).toEqual({ overruns: 0, malformed: 0 });
      } finally {
        connector.close();
      }
    });

    it('tells nothing of threads', async () => {
      const connector = KernelProcessConnector.open();
      try {
        const child = spawn(process.execPath, ['-e', '0']);
        await once(child, 'exit');
        const events: ProcConnectorEvent[] = [];
        connector.drain(event => events.push(event));
        // Node starts a dozen threads; the process itself is one fork and one exit.
        const own = events.filter(
          event => (event.kind === 'fork' || event.kind === 'exit') && event.pid === child.pid,
        );
        expect(own.map(({ kind }) => kind)).toEqual(['fork', 'exit']);
        expect(events.filter(event => event.kind === 'fork' && event.parent === child.pid)).toEqual([]);
      } finally {
        connector.close();
      }
    });

    it('has nothing more after it was closed, any number of times', () => {
      const connector = KernelProcessConnector.open();
      connector.close();
      connector.close();
      spawnSync('/bin/true');
      let count = 0;
      connector.drain(() => count++);
      expect(count).toBe(0);
    });
  },
);
