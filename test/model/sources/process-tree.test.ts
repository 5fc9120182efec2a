import { describe, expect, it } from 'vitest';
import { MAX_ANCESTORS } from '../../../src/model/process/ancestors.ts';
import type { ProcConnectorEvent } from '../../../src/model/process/cn-proc.ts';
import { createConnectorState } from '../../../src/model/process/connector-state.ts';
import type { ProcessConnector } from '../../../src/model/process/process-connector.ts';
import { ProcessTree } from '../../../src/model/process/process-tree.ts';
import { processTreeSource } from '../../../src/model/sources/process-tree.ts';
import { FakeClock } from '../fake-clock.ts';
import { exec, execFacts, exit, fork } from '../process-events.ts';

/** A connector that hands out what a test put in. */
class FakeConnector implements ProcessConnector {
  readonly counters = { overruns: 0, malformed: 0 };
  readonly waiting: ProcConnectorEvent[] = [];
  isClosed = false;
  broken: Error | undefined;

  drain(onEvent: (event: ProcConnectorEvent) => void): void {
    if (this.broken !== undefined) throw this.broken;
    for (const event of this.waiting.splice(0)) onEvent(event);
  }

  close(): void {
    this.isClosed = true;
  }
}

const setUp = async (options: { forkEvents?: boolean; openConnector?: () => ProcessConnector } = {}) => {
  const clock = new FakeClock();
  const tree = new ProcessTree(undefined);
  const state = createConnectorState();
  const source = processTreeSource({ tree, clock, connector: state, ...options });
  await source.start!();
  const resolve = (event: ReturnType<typeof exec>) => source.resolve(event, {})!;
  return { clock, tree, source, state, resolve };
};

const withConnector = async (forkEvents = false) => {
  const connector = new FakeConnector();
  const set = await setUp({ openConnector: () => connector, forkEvents });
  const at = (ms: number) => set.clock.monotonicMs() + ms;
  return {
    ...set,
    connector,
    reply: (error = 0) => connector.waiting.push({ kind: 'reply', error }),
    forked: (pid: number, parent: number, ms: number) =>
      connector.waiting.push({ kind: 'fork', pid, parent, monotonicMs: at(ms) }),
    exited: (pid: number, ms: number) => connector.waiting.push({ kind: 'exit', pid, monotonicMs: at(ms) }),
  };
};

describe('processTreeSource', () => {
  it('tells of the parent what its own events told', async () => {
    const { source, resolve } = await setUp({ forkEvents: true });
    source.observe!(fork(10, 1, -100));
    resolve(exec({ pid: 10, ppid: 1, path: '/usr/bin/python3', argv: ['python3', 'x.py'], at: -90 }));
    source.observe!(fork(11, 10, -5));
    const fields = resolve(exec({ pid: 11, ppid: 10, path: '/bin/true', at: 0 }));
    expect(fields).toMatchObject({
      process_start_timestamp: '2024-05-21T11:59:59.995Z',
      parent_process_timestamp: '2024-05-21T11:59:59.900Z',
      parent_process_pid: 10,
      parent_process_name: 'python3',
      parent_process_path: '/usr/bin/python3',
      parent_process_command_line: 'python3 x.py',
      ancestors: [{ pid: 10, timestamp: '2024-05-21T11:59:59.900Z', path: '/usr/bin/python3' }],
    });
  });

  it('has only the pid of a parent that nobody saw', async () => {
    const { resolve } = await setUp();
    expect(resolve(exec({ pid: 11, ppid: 10 }))).toMatchObject({
      process_start_timestamp: undefined,
      parent_process_pid: 10,
      parent_process_timestamp: undefined,
      parent_process_path: undefined,
      ancestors: undefined,
    });
  });

  it('ends the list of ancestors', async () => {
    const { source, resolve } = await setUp({ forkEvents: true });
    for (let pid = 2; pid <= 40; pid++) source.observe!(fork(pid, pid - 1, -1000 + pid));
    const { ancestors } = resolve(exec({ pid: 40, ppid: 39 }));
    expect(ancestors).toHaveLength(MAX_ANCESTORS);
    expect(ancestors!.map(({ pid }) => pid)).toEqual(Array.from({ length: MAX_ANCESTORS }, (_, i) => 39 - i));
  });

  it('gives brothers the same list of ancestors, and another as soon as one of them runs something else', async () => {
    const { source, resolve } = await setUp({ forkEvents: true });
    source.observe!(fork(10, 1, -100));
    source.observe!(fork(20, 10, -90));
    resolve(exec({ pid: 10, ppid: 1, path: '/bin/bash', at: -95 }));
    const child = (pid: number, ppid: number, at: number) => {
      source.observe!(fork(pid, ppid, at));
      return resolve(exec({ pid, ppid, at })).ancestors;
    };
    const first = child(30, 20, 0);
    expect(first?.map(({ path }) => path)).toEqual(['/bin/bash', '/bin/bash']);
    expect(child(31, 20, 10)).toBe(first);
    resolve(exec({ pid: 20, ppid: 10, path: '/bin/make', at: 20 }));
    const second = child(32, 20, 30);
    expect(second?.map(({ path }) => path)).toEqual(['/bin/make', '/bin/bash']);
    expect(child(33, 20, 40)).toBe(second);
    resolve(exec({ pid: 10, ppid: 1, path: '/bin/zsh', at: 50 }));
    expect(child(34, 20, 60)?.map(({ path }) => path)).toEqual(['/bin/make', '/bin/zsh']);
    // Another process with the parent's pid.
    source.observe!(exit(20, 70));
    source.observe!(fork(20, 1, 200));
    expect(child(35, 20, 210)?.map(({ pid }) => pid)).toEqual([20]);
    expect(first?.map(({ path }) => path)).toEqual(['/bin/bash', '/bin/bash']);
  });

  it('reads the connector before it looks at an exec, on the wall clock', async () => {
    const { reply, forked, exited, resolve } = await withConnector();
    reply();
    forked(10, 1, -100);
    resolve(exec({ pid: 10, path: '/bin/sh', at: -95 }));
    forked(11, 10, -50);
    forked(12, 11, -40);
    exited(11, -10);
    const fields = resolve(exec({ pid: 12, ppid: 11, at: -35 }));
    expect(fields).toMatchObject({
      process_start_timestamp: '2024-05-21T11:59:59.960Z',
      parent_process_timestamp: '2024-05-21T11:59:59.950Z',
      parent_process_pid: 11,
      parent_process_path: '/bin/sh',
    });
  });

  it('relies on the connector alone while it answers: fork events of containers have other pids', async () => {
    const { reply, forked, source, resolve } = await withConnector(true);
    reply();
    forked(10, 1, -100);
    resolve(exec({ pid: 10, path: '/bin/sh', at: -95 }));
    source.observe!(fork(10, 777, -50));
    expect(resolve(exec({ pid: 12, ppid: 10 }))).toMatchObject({
      parent_process_timestamp: '2024-05-21T11:59:59.900Z',
      parent_process_path: '/bin/sh',
    });
  });

  it('uses fork events while the connector does not answer, as in another pid namespace', async () => {
    const { tree, source, state, resolve } = await withConnector(true);
    source.observe!(fork(10, 1, -100));
    expect(tree.seesForks).toBe(true);
    expect(state.error).toMatch(/does not answer/);
    expect(resolve(exec({ pid: 11, ppid: 10 })).parent).toMatchObject({ pid: 10 });
  });

  it('does not count on a connector that was refused', async () => {
    const { tree, reply, state, resolve } = await withConnector();
    reply(1);
    resolve(exec());
    expect(tree.seesForks).toBe(false);
    expect(state.error).toBe('the process connector refused: EPERM');
    reply();
    resolve(exec());
    expect(tree.seesForks).toBe(true);
    expect(state.error).toBeUndefined();
  });

  it('empties the connector now and then when nothing else does', async () => {
    const { connector, reply, clock } = await withConnector();
    reply();
    await clock.advance(250);
    expect(connector.waiting).toEqual([]);
    reply();
    await clock.advance(250);
    expect(connector.waiting).toEqual([]);
  });

  it('continues with another connector: what the former one told is taken, and that one closed', async () => {
    const { connector, reply, forked, state, tree, clock, resolve } = await withConnector();
    reply();
    forked(10, 1, -100);
    const next = new FakeConnector();
    next.waiting.push({ kind: 'reply', error: 0 });
    next.waiting.push({ kind: 'fork', pid: 11, parent: 10, monotonicMs: clock.monotonicMs() - 50 });
    state.replace!(() => next);
    expect(connector.isClosed).toBe(true);
    expect(tree.seesForks).toBe(true);
    expect(state.error).toBeUndefined();
    expect(resolve(exec({ pid: 11, ppid: 10, at: -40 }))).toMatchObject({
      process_start_timestamp: '2024-05-21T11:59:59.950Z',
      parent_process_timestamp: '2024-05-21T11:59:59.900Z',
    });
    // It is emptied now and then, as the former one was.
    next.waiting.push({ kind: 'reply', error: 0 });
    await clock.advance(250);
    expect(next.waiting).toEqual([]);
  });

  it('keeps its connector if another one cannot be opened', async () => {
    const { connector, reply, state, tree, resolve } = await withConnector();
    reply();
    state.replace!(() => {
      throw new Error('not permitted');
    });
    resolve(exec());
    expect(connector.isClosed).toBe(false);
    expect(tree.seesForks).toBe(true);
  });

  it('has what the kernel knew at the exec, if it was the exec of a file that audit has recorded', async () => {
    const { connector, reply, clock, resolve } = await withConnector();
    reply();
    const executed = (inode: bigint): void => {
      connector.waiting.push({
        kind: 'exec',
        pid: 10,
        monotonicMs: clock.monotonicMs(),
        facts: execFacts({ inode }),
      });
    };
    connector.waiting.push({ kind: 'fork', pid: 10, parent: 1, monotonicMs: clock.monotonicMs() - 10 });
    const files = [{ inode: '7', dev: 'fe:00' }].map(file => ({
      ...{ mode: undefined, ouid: undefined, ogid: undefined, name: undefined },
      ...file,
    }));
    executed(7n);
    expect(resolve(exec({ pid: 10, files })).exec_facts).toMatchObject({ inode: 7n, mountNamespace: 42 });
    executed(8n);
    expect(resolve(exec({ pid: 10, files })).exec_facts).toBeUndefined();
    expect(resolve(exec({ pid: 10, files })).exec_facts).toBeUndefined();
  });

  it('goes on without a connector that cannot be opened, and says why', async () => {
    const { state, resolve } = await setUp({
      openConnector: () => {
        throw new Error('not permitted');
      },
    });
    expect(state).toMatchObject({ error: 'not permitted', overruns: 0 });
    expect(resolve(exec()).process).toBeDefined();
  });

  it('goes on without a connector that breaks', async () => {
    const { connector, reply, state, tree, resolve } = await withConnector();
    reply();
    resolve(exec());
    expect(tree.seesForks).toBe(true);
    connector.broken = new Error('recvmmsg failed');
    resolve(exec());
    expect(tree.seesForks).toBe(false);
    expect(connector.isClosed).toBe(true);
    expect(state.error).toBe('recvmmsg failed');
  });

  it('looks at procfs again after the connector overflowed, at most once in a while', async () => {
    const { connector, state, tree, resolve, clock } = await withConnector();
    let resyncs = 0;
    tree.resync = async () => {
      resyncs++;
    };
    connector.counters.overruns = 1;
    resolve(exec());
    connector.counters.overruns = 2;
    resolve(exec());
    expect(resyncs).toBe(1);
    await clock.advance(5000);
    expect(resyncs).toBe(2);
    expect(state.overruns).toBe(2);
  });

  it('learns of exits from events', async () => {
    const { source, tree } = await setUp({ forkEvents: true });
    source.observe!(fork(10, 1, -100));
    source.observe!(exit(10, -50));
    expect(tree.find(10, 0 + Date.UTC(2024, 4, 21, 12))?.exitMs).toBe(Date.UTC(2024, 4, 21, 12) - 50);
  });

  it('closes the connector and its timer when stopped', async () => {
    const { source, connector, clock } = await withConnector();
    await source.stop!();
    expect(connector.isClosed).toBe(true);
    expect(clock.timers).toBe(0);
  });
});
