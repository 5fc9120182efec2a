import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CgroupFactsCache } from '../../../src/model/container/cgroup-facts.ts';
import { ProcessContainers } from '../../../src/model/container/process-containers.ts';
import { EventModel } from '../../../src/model/event-model.ts';
import { ProcessTree } from '../../../src/model/process/process-tree.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { cgroupSource } from '../../../src/model/sources/cgroup.ts';
import { containerSource } from '../../../src/model/sources/container.ts';
import { processTreeSource } from '../../../src/model/sources/process-tree.ts';
import { FakeClock } from '../fake-clock.ts';
import { exec, exit, fork } from '../process-events.ts';

const id = 'ab'.repeat(32);
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'proc-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Which files of procfs say so, on a host with both versions of cgroups; in the unified hierarchy if no other path is given. */
const putInto = (pid: number, path: string, oldPath = '/', flags = 0x400040): void => {
  mkdirSync(join(root, String(pid)), { recursive: true });
  writeFileSync(
    join(root, String(pid), 'cgroup'),
    `3:pids:${oldPath}\n1:name=systemd:${oldPath}\n0::${path}\n`,
  );
  const stat = `${pid} (prog) R 1 ${pid} ${pid} 0 -1 ${flags} ${'0 '.repeat(12)}500 0 0\n`;
  writeFileSync(join(root, String(pid), 'stat'), stat);
};
/** It has ended, and its parent has not waited for it. */
const PF_EXITING = 4;
const zombify = (pid: number, path = '/'): void => putInto(pid, path, '/', PF_EXITING);
const end = (pid: number): void => rmSync(join(root, String(pid)), { recursive: true });

const setUp = () => {
  const procfs = new ProcfsReader(root);
  const cache = new CgroupFactsCache();
  const tree = new ProcessTree(undefined);
  tree.seesForks = true;
  const clock = new FakeClock();
  const emitted: unknown[] = [];
  const model = new EventModel({
    sources: [
      processTreeSource({ tree, clock, forkEvents: true }),
      cgroupSource(procfs, cache),
      containerSource(new ProcessContainers(tree, procfs, cache)),
    ],
    wanted: ['container_id', 'container_runtime', 'pod_uid', 'process_cgroup'],
    clock,
    emit: ({ fields }) => {
      const { container_id, container_runtime, process_cgroup } = fields;
      emitted.push({ container_id, container_runtime, process_cgroup });
    },
  });
  return { model, last: () => emitted.at(-1) };
};

const docker = { container_id: id, container_runtime: 'docker' };
const nowhere = { container_id: undefined, container_runtime: undefined };

describe('containerSource', () => {
  it('reads the container of a living process', () => {
    const { model, last } = setUp();
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100 }));
    expect(last()).toEqual({ ...docker, process_cgroup: `/docker/${id}` });
    putInto(101, '/system.slice/cron.service');
    model.offer(exec({ pid: 101 }));
    expect(last()).toEqual({ ...nowhere, process_cgroup: '/system.slice/cron.service' });
  });

  it("takes the parent's for a process that is gone already", () => {
    const { model, last } = setUp();
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100 }));
    model.offer(exec({ pid: 101, ppid: 100 }));
    expect(last()).toEqual({ ...docker, process_cgroup: undefined });
  });

  it('looks where a living parent is now, not where it was', () => {
    const { model, last } = setUp();
    putInto(100, '/system.slice/containerd.service');
    model.offer(exec({ pid: 100, at: 0 }));
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 101, ppid: 100, at: 500 }));
    expect(last()).toMatchObject(docker);
  });

  it('goes up the tree, and asks for a living ancestor that never was', () => {
    const { model, last } = setUp();
    putInto(100, `/docker/${id}`);
    model.offer(fork(100, 1, -500));
    model.offer(fork(101, 100, -400));
    model.offer(fork(102, 101, -300));
    model.offer(exec({ pid: 103, ppid: 102 }));
    expect(last()).toMatchObject(docker);
  });

  it('knows where a parent was that is gone as well', () => {
    const { model, last } = setUp();
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100, at: 0 }));
    end(100);
    model.offer(exit(100, 5));
    model.offer(exec({ pid: 101, ppid: 100, at: 3 }));
    expect(last()).toMatchObject(docker);
  });

  it('remembers where the process itself was at an earlier exec', () => {
    const { model, last } = setUp();
    putInto(1, '/init.scope');
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100, ppid: 1, at: 0 }));
    end(100);
    model.offer(exec({ pid: 100, ppid: 1, at: 5 }));
    expect(last()).toMatchObject(docker);
  });

  it('remembers where a process was that is ending, which the kernel no longer tells', () => {
    const { model, last } = setUp();
    putInto(1, '/', '/');
    putInto(100, '/', `/docker/${id}`);
    model.offer(exec({ pid: 100, ppid: 1, at: 0 }));
    expect(last()).toMatchObject(docker);
    zombify(100);
    model.offer(exec({ pid: 101, ppid: 100, at: 1000 }));
    expect(last()).toEqual({ ...docker, process_cgroup: undefined });
    model.offer(exec({ pid: 100, ppid: 1, at: 1001 }));
    expect(last()).toEqual({ ...docker, process_cgroup: undefined });
  });

  it('asks the parent of a process that was never seen alive', () => {
    const { model, last } = setUp();
    putInto(100, '/', `/docker/${id}`);
    model.offer(exec({ pid: 100, ppid: 1, at: 0 }));
    zombify(101);
    model.offer(exec({ pid: 101, ppid: 100, at: 1 }));
    expect(last()).toEqual({ ...docker, process_cgroup: undefined });
  });

  it('believes the unified hierarchy also of a process that is ending', () => {
    const { model, last } = setUp();
    zombify(100, `/docker/${id}`);
    model.offer(exec({ pid: 100, ppid: 1, at: 0 }));
    expect(last()).toEqual({ ...docker, process_cgroup: `/docker/${id}` });
  });

  it('knows that a process at the root of all hierarchies is in no container', () => {
    const { model, last } = setUp();
    putInto(100, '/', `/docker/${id}`);
    model.offer(exec({ pid: 100, ppid: 1, at: 0 }));
    putInto(100, '/', '/');
    model.offer(exec({ pid: 100, ppid: 1, at: 1000 }));
    expect(last()).toMatchObject(nowhere);
  });

  it('follows a process that is moved into a container', () => {
    const { model, last } = setUp();
    putInto(100, '/system.slice/containerd.service');
    model.offer(exec({ pid: 100, at: 0 }));
    expect(last()).toMatchObject(nowhere);
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100, at: 5 }));
    expect(last()).toMatchObject(docker);
  });

  it('does not read what belongs to another process by now', () => {
    const { model, last } = setUp();
    model.offer(fork(100, 1, -10));
    model.offer(exit(100, 1));
    putInto(100, `/docker/${id}`);
    model.offer(exec({ pid: 100, at: 0 }));
    expect(last()).toEqual({ ...nowhere, process_cgroup: undefined });
  });

  it('does not know where nobody can tell', () => {
    const { model, last } = setUp();
    model.offer(exec({ pid: 100, ppid: 99 }));
    expect(last()).toEqual({ ...nowhere, process_cgroup: undefined });
  });
});
