import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveProcess, LiveProcesses } from '../../../src/model/process/live-processes.ts';
import type { ProcessNode } from '../../../src/model/process/process-node.ts';
import { ProcessTree } from '../../../src/model/process/process-tree.ts';
import type { ProcessTreeLimits } from '../../../src/model/process/remembered-processes.ts';
import { FakeClock } from '../fake-clock.ts';
import { exec, execFacts, NOON } from '../process-events.ts';

type LiveFacts = Partial<LiveProcess> & { readonly argv?: readonly string[] };

/** Processes that a test makes up. */
class FakeLive implements Pick<LiveProcesses, 'pids' | 'startMs' | 'read'> {
  readonly processes = new Map<number, LiveProcess>();
  readonly argv = new Map<number, readonly string[] | undefined>();
  reads = 0;

  add(pid: number, startAt: number, { argv, ...facts }: LiveFacts = {}): void {
    const name = facts.path?.split('/').at(-1) ?? `p${pid}`;
    this.processes.set(pid, {
      pid,
      startMs: NOON + startAt,
      ppid: 1,
      comm: name,
      path: `/bin/${name}`,
      ...facts,
    });
    this.argv.set(pid, argv);
  }

  async askArgv(pid: number) {
    return { argv: this.argv.get(pid), path: this.processes.get(pid)?.path };
  }

  pids(): readonly number[] {
    return [...this.processes.keys()];
  }

  startMs(pid: number): number | undefined {
    this.reads++;
    return this.processes.get(pid)?.startMs;
  }

  read(pid: number): LiveProcess | undefined {
    this.reads++;
    return this.processes.get(pid);
  }
}

const setUp = (limits: Partial<ProcessTreeLimits> = {}) => {
  const live = new FakeLive();
  const tree = new ProcessTree(live as unknown as LiveProcesses, limits, pid => live.askArgv(pid));
  return { live, tree };
};

describe('ProcessTree seeded from procfs', () => {
  it('knows the processes that were running, and who started them', async () => {
    const { live, tree } = setUp();
    live.add(1, -60_000, { ppid: 0, path: '/sbin/init' });
    live.add(50, -5000, { ppid: 1, path: '/bin/bash', argv: ['bash', '-l'] });
    await tree.seed();
    const { parent, parentImage } = tree.exec(exec({ pid: 100, ppid: 50 }));
    expect(parent).toMatchObject({ pid: 50, startMs: NOON - 5000 });
    expect(parentImage).toMatchObject({ path: '/bin/bash', name: 'bash', commandLine: 'bash -l' });
    expect(tree.imageOf(tree.parentOf(parent!)!)?.path).toBe('/sbin/init');
  });

  it('has no command line of a process that runs something else by the time it is read', async () => {
    const { live, tree } = setUp();
    live.add(50, -5000, { path: '/bin/bash', argv: ['bash'] });
    live.askArgv = async () => ({ argv: ['other', 'x'], path: '/bin/other' });
    await tree.seed();
    const { parentImage } = tree.exec(exec({ pid: 100, ppid: 50 }));
    expect(parentImage).toMatchObject({ path: '/bin/bash', commandLine: undefined });
  });

  it('still knows a parent after it ended', async () => {
    const { live, tree } = setUp();
    live.add(50, -5000, { path: '/bin/bash' });
    await tree.seed();
    live.processes.delete(50);
    tree.exit(50, NOON + 10);
    const { parentImage } = tree.exec(exec({ pid: 100, ppid: 50, at: 5 }));
    expect(parentImage?.path).toBe('/bin/bash');
  });

  it('looks up a parent that it does not know', () => {
    const { live, tree } = setUp();
    live.add(50, -5000, { path: '/bin/bash' });
    expect(tree.exec(exec({ pid: 100, ppid: 50 })).parentImage?.path).toBe('/bin/bash');
  });

  it('takes no process for the parent that began after the child ran', () => {
    const { live, tree } = setUp();
    live.add(50, 1000, { path: '/bin/other' });
    const { parent, process } = tree.exec(exec({ pid: 100, ppid: 50, at: 0 }));
    expect(parent).toBeUndefined();
    expect(process.parentPid).toBe(50);
  });

  it('never takes a process for its own parent', () => {
    const { live, tree } = setUp();
    live.add(100, -10);
    expect(tree.exec(exec({ pid: 100, ppid: 100 })).parent).toBeUndefined();
  });

  it('learns the start of a process from procfs, and of one that is gone only the exec', () => {
    const { live, tree } = setUp();
    live.add(100, -20);
    expect(tree.exec(exec({ pid: 100 })).process).toMatchObject({ startMs: NOON - 20, startKnown: 'procfs' });
    expect(tree.exec(exec({ pid: 101 })).process).toMatchObject({ startMs: NOON, startKnown: 'exec' });
  });
});

describe('ProcessTree fed by forks', () => {
  const fed = () => {
    const set = setUp();
    set.tree.seesForks = true;
    return set;
  };

  it('reads nothing from procfs for a process whose fork it saw', () => {
    const { live, tree } = fed();
    tree.fork(10, 1, NOON - 50, false);
    tree.fork(100, 10, NOON - 2, false);
    const { process } = tree.exec(exec({ pid: 100, ppid: 10 }));
    expect(process).toMatchObject({ startMs: NOON - 2, startKnown: 'fork', parentPid: 10 });
    // Only the image of the parent, which never executed anything anyone saw.
    expect(live.reads).toBe(1);
  });

  it('follows forks without an exec to what the process runs', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 100, false);
    tree.exec(exec({ pid: 10, path: '/bin/sh', at: -90 }));
    tree.fork(11, 10, NOON - 50, false);
    tree.fork(12, 11, NOON - 40, false);
    tree.fork(13, 12, NOON - 30, false);
    const { parent, parentImage } = tree.exec(exec({ pid: 13, ppid: 12, path: '/bin/true' }));
    expect(parent).toMatchObject({ pid: 12, startMs: NOON - 40 });
    expect(parentImage?.path).toBe('/bin/sh');
  });

  it('gives a child what its parent ran when it forked, though the news of it comes first', () => {
    const { tree } = fed();
    // Forks come at once, exec events late: python (10) makes 11, which becomes sh, which makes a subshell (12).
    tree.fork(10, 1, NOON - 900, false);
    tree.exec(exec({ pid: 10, ppid: 1, path: '/usr/bin/python3', at: -890 }));
    tree.fork(11, 10, NOON - 100, false);
    tree.fork(12, 11, NOON - 80, false);
    tree.fork(13, 12, NOON - 60, false);
    tree.exit(12, NOON - 20);
    tree.exit(11, NOON - 10);
    tree.exec(exec({ pid: 11, ppid: 10, path: '/bin/sh', at: -90 }));
    const { parentImage } = tree.exec(exec({ pid: 13, ppid: 12, path: '/bin/true', at: -50 }));
    expect(parentImage?.path).toBe('/bin/sh');
  });

  it('gives a child what its parent ran before it executed something else', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 900, false);
    tree.exec(exec({ pid: 10, path: '/bin/first', at: -800 }));
    tree.fork(11, 10, NOON - 700, false);
    tree.exec(exec({ pid: 10, path: '/bin/second', at: -600 }));
    expect(tree.exec(exec({ pid: 12, ppid: 11, at: -500 })).parentImage?.path).toBe('/bin/first');
    expect(tree.exec(exec({ pid: 13, ppid: 10, at: -500 })).parentImage?.path).toBe('/bin/second');
  });

  describe('and by the execs that the kernel told', () => {
    /** sh (10) makes a subshell (11) and at once becomes server, in the same step of audit's clock. */
    const entryPoint = () => {
      const set = fed();
      const { tree } = set;
      tree.fork(10, 1, NOON - 900, false);
      tree.executed(10, NOON - 890);
      tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/sh', at: -892 }));
      tree.fork(11, 10, NOON - 100.5, false);
      tree.executed(10, NOON - 100.2);
      return set;
    };

    it('gives a child what its parent ran, where audit has the time of the next exec before the fork', () => {
      const { tree } = entryPoint();
      tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/server', at: -104 }));
      tree.fork(12, 11, NOON - 50, false);
      tree.executed(12, NOON - 49);
      expect(tree.exec(exec({ pid: 12, ppid: 11, at: -52 })).parentImage?.path).toBe('/bin/sh');
      expect(tree.imageOf(tree.find(10, NOON)!)?.path).toBe('/bin/server');
    });

    it('says nothing of a parent whose own exec was lost and that is gone', () => {
      const { tree } = entryPoint();
      tree.fork(12, 10, NOON - 50, false);
      tree.executed(12, NOON - 49);
      tree.exit(10, NOON - 40);
      const { parent, parentImage } = tree.exec(exec({ pid: 12, ppid: 10, at: -52 }));
      expect(parent?.pid).toBe(10);
      expect(parentImage).toMatchObject({ path: undefined, name: undefined, commandLine: undefined });
      // The subshell was made before.
      expect(tree.imageOf(tree.find(11, NOON)!)?.path).toBe('/bin/sh');
    });

    it('looks at a parent whose own exec was lost, while it runs', () => {
      const { live, tree } = entryPoint();
      live.add(10, -900, { path: '/bin/server' });
      tree.fork(12, 10, NOON - 50, false);
      expect(tree.exec(exec({ pid: 12, ppid: 10, at: -52 })).parentImage?.path).toBe('/bin/server');
    });

    it('counts an exec without an event once it is passed by', () => {
      const { tree } = entryPoint();
      tree.fork(12, 10, NOON - 50, false);
      tree.executed(10, NOON - 40);
      // The one at -100 was lost.
      const { image } = tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/third', at: -41 }));
      expect(image.exec).toBe(3);
      expect(tree.imageOf(tree.find(11, NOON)!)?.path).toBe('/bin/sh');
    });

    it('takes the exec whose audit time is the event’s, whichever came first', () => {
      const { tree } = fed();
      tree.fork(10, 1, NOON - 900, false);
      for (const [at, auditMs] of [
        [-100, -104],
        [-99, -100],
        [-98, -100],
      ] as const)
        tree.executed(10, NOON + at, execFacts({ auditMs: NOON + auditMs, namespacePid: -at }));
      // The event of the first one was lost; the others are in one step of audit's clock.
      const second = tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/second', at: -100 }));
      expect([second.facts?.namespacePid, second.image.exec]).toEqual([99, 2]);
      const third = tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/third', at: -100 }));
      expect([third.facts?.namespacePid, third.image.exec]).toEqual([98, 3]);
      expect(tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/fourth', at: -90 })).facts).toBeUndefined();
    });

    it('waits for the news of an exec before it takes the event', () => {
      const { tree } = fed();
      tree.fork(10, 1, NOON - 900, false);
      tree.fork(11, 10, NOON - 10, false);
      const event = exec({ pid: 11, ppid: 10, at: -8 });
      expect(tree.isExpected(event, false)).toBe(true);
      expect(tree.isExpected(event, true)).toBe(false);
      tree.executed(11, NOON - 5);
      expect(tree.isExpected(event, true)).toBe(true);
      tree.exec(event);
      expect(tree.isExpected(event, true)).toBe(false);
    });
  });

  it('joins a fork that is told after the exec of its child, as with vfork', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 900, true);
    tree.exec(exec({ pid: 10, path: '/bin/sh', at: -890 }));
    const { process } = tree.exec(exec({ pid: 11, ppid: 10, path: '/bin/true', at: 3 }));
    tree.fork(11, 10, NOON + 1, true);
    expect(tree.find(11, NOON + 10)).toBe(process);
    expect(process).toMatchObject({ startMs: NOON + 1, startKnown: 'fork' });
    expect(tree.imageOf(process)?.path).toBe('/bin/true');
  });

  it('keeps of a process that ended without children only that it was there', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 900, false);
    tree.exec(exec({ pid: 10, ppid: 1, path: '/bin/sh', at: -890 }));
    tree.fork(11, 10, NOON - 50, false);
    tree.exit(11, NOON - 40);
    const { process, image, parentImage } = tree.exec(
      exec({ pid: 11, ppid: 10, path: '/bin/true', at: -45 }),
    );
    expect({ process, path: image.path, parent: parentImage?.path }).toMatchObject({
      process: { startMs: NOON - 50, exitMs: NOON - 40 },
      path: '/bin/true',
      parent: '/bin/sh',
    });
    // Not what it was forked with either: where a child comes to light, its fork was lost.
    expect(tree.exec(exec({ pid: 12, ppid: 11, at: -42 }))).toMatchObject({
      parent: { pid: 11 },
      parentImage: { path: undefined, name: undefined, commandLine: undefined },
    });
  });

  it('knows what a process ran that ended before its child', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 900, false);
    tree.fork(11, 10, NOON - 50, false);
    tree.fork(12, 11, NOON - 45, false);
    tree.exit(12, NOON - 42);
    tree.exit(11, NOON - 40);
    tree.exec(exec({ pid: 11, ppid: 10, path: '/bin/sh', at: -48 }));
    expect(tree.exec(exec({ pid: 12, ppid: 11, at: -44 })).parentImage?.path).toBe('/bin/sh');
  });

  it('keeps processes apart that had the same pid, at any time asked about', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON, false);
    tree.exec(exec({ pid: 10, path: '/bin/old', at: 1 }));
    tree.exit(10, NOON + 500);
    tree.fork(10, 1, NOON + 1000, false);
    tree.exec(exec({ pid: 10, path: '/bin/new', at: 1001 }));
    // A child of the first one, told late.
    expect(tree.exec(exec({ pid: 20, ppid: 10, at: 400 })).parentImage?.path).toBe('/bin/old');
    expect(tree.exec(exec({ pid: 21, ppid: 10, at: 1400 })).parentImage?.path).toBe('/bin/new');
    expect(tree.find(10, NOON - 1000)).toBeUndefined();
  });

  it('does not take one that ended long ago for a process that execs now', () => {
    const { live, tree } = fed();
    tree.fork(10, 1, NOON - 9000, false);
    tree.exit(10, NOON - 8000);
    live.add(10, -5);
    expect(tree.exec(exec({ pid: 10, at: 0 })).process).toMatchObject({
      startMs: NOON - 5,
      startKnown: 'procfs',
    });
  });

  it('does not take one that ended long ago for a parent', () => {
    const { tree } = fed();
    tree.fork(10, 1, NOON - 9000, false);
    tree.exit(10, NOON - 8000);
    tree.fork(20, 10, NOON - 1, false);
    expect(tree.exec(exec({ pid: 20, ppid: 10, at: 0 })).parent).toBeUndefined();
  });

  it('keeps the parent that created it where another has adopted it', () => {
    const { live, tree } = fed();
    live.add(1, -60_000, { ppid: 0, path: '/sbin/init' });
    tree.fork(10, 1, NOON - 100, false);
    tree.exec(exec({ pid: 10, ppid: 1, at: -95, path: '/bin/creator' }));
    tree.fork(20, 10, NOON - 90, false);
    tree.exit(10, NOON - 80);
    const { process, parentImage } = tree.exec(exec({ pid: 20, ppid: 1, at: 0 }));
    expect(process).toMatchObject({ startMs: NOON - 90, parentPid: 10 });
    expect(parentImage?.path).toBe('/bin/creator');
    // Of its next exec audit says the same.
    expect(tree.exec(exec({ pid: 20, ppid: 1, at: 1 }))).toMatchObject({ process, parentImage });
  });

  it('notices by the parent that a fork gave a pid of another namespace', () => {
    const { live, tree } = fed();
    // Inside a container, a process with the container's pid 30 was made by 10; the host's 30 is somebody else.
    tree.fork(30, 10, NOON - 100, true);
    tree.fork(10, 1, NOON - 200, true);
    tree.fork(30, 10, NOON - 100, true);
    live.add(30, -5000, { path: '/bin/host' });
    live.add(7, -9000, { path: '/bin/parent' });
    const { process } = tree.exec(exec({ pid: 30, ppid: 7, at: 0 }));
    expect(process.startMs).toBe(NOON - 5000);
  });

  it('finds what it missed, and ends what is gone', async () => {
    const { live, tree } = fed();
    live.add(10, -500);
    await tree.seed();
    live.processes.clear();
    live.add(11, -300, { path: '/bin/missed' });
    await tree.resync(NOON);
    expect(tree.find(10, NOON)?.exitMs).toBe(NOON);
    expect(tree.imageOf(tree.find(11, NOON)!)?.path).toBe('/bin/missed');
  });
});

describe('ProcessTree without forks', () => {
  it('notices by the start time that a pid was given again', () => {
    const { live, tree } = setUp();
    live.add(100, 0);
    const first = tree.exec(exec({ pid: 100, at: 10 })).process;
    live.add(100, 5000);
    const second = tree.exec(exec({ pid: 100, at: 5010 })).process;
    expect(second).not.toBe(first);
    expect(second.older).toBe(first);
    expect(tree.find(100, NOON + 20)).toBe(first);
  });

  it('notices by the parent when the process is gone already', () => {
    const { tree } = setUp();
    const first = tree.exec(exec({ pid: 100, ppid: 5, at: 10 })).process;
    expect(tree.exec(exec({ pid: 100, ppid: 6, at: 500 })).process).not.toBe(first);
  });

  it('knows that a process which execs again is the same', () => {
    const { live, tree } = setUp();
    live.add(100, 0);
    const first = tree.exec(exec({ pid: 100, path: '/bin/sh', at: 10 })).process;
    const again = tree.exec(exec({ pid: 100, path: '/bin/ls', at: 2000 }));
    expect(again.process).toBe(first);
    expect(tree.imageOf(first)).toBe(again.image);
  });
});

describe('ProcessTree within its limits', () => {
  it('forgets those first that ended first', () => {
    const { tree } = setUp({ maxProcesses: 3 });
    tree.seesForks = true;
    tree.fork(1, 0, NOON, false);
    tree.fork(2, 1, NOON, false);
    tree.fork(3, 1, NOON, false);
    tree.exit(3, NOON + 1);
    tree.exit(2, NOON + 2);
    tree.fork(4, 1, NOON + 3, false);
    expect(tree.find(3, NOON + 3)).toBeUndefined();
    expect([1, 2, 4].map(pid => tree.find(pid, NOON + 3)?.pid)).toEqual([1, 2, 4]);
    tree.fork(5, 1, NOON + 4, false);
    tree.fork(6, 1, NOON + 5, false);
    expect(tree.size).toBe(3);
    expect(tree.counters).toEqual({ forgotten: 3, forgottenAlive: 1 });
  });

  it('remembers few of those that ended, but who has a child that runs', () => {
    const { tree } = setUp({ maxEnded: 3 });
    tree.seesForks = true;
    tree.fork(1, 0, NOON, false);
    tree.fork(2, 1, NOON, false);
    tree.fork(3, 2, NOON, false);
    tree.exit(2, NOON + 1);
    for (let pid = 10; pid < 30; pid++) {
      tree.fork(pid, 1, NOON + pid, false);
      tree.exit(pid, NOON + pid + 1);
    }
    const known = (): number[] =>
      Array.from({ length: 30 }, (_, pid) => pid).filter(pid => tree.find(pid, NOON + 100) !== undefined);
    expect(known()).toEqual([1, 2, 3, 27, 28, 29]);
    expect(tree.exec(exec({ pid: 3, ppid: 1, at: 50 })).parent).toMatchObject({ pid: 2 });
    // Its child gone, it is one of many again.
    tree.exit(3, NOON + 60);
    for (let pid = 30; pid < 40; pid++) {
      tree.fork(pid, 1, NOON + pid + 60, false);
      tree.exit(pid, NOON + pid + 61);
    }
    expect(tree.find(2, NOON + 110)).toBeUndefined();
    expect(tree.counters.forgottenAlive).toBe(0);
  });

  it('keeps nothing of what it has forgotten, however long the line of descent', () => {
    const { tree } = setUp({ maxProcesses: 3 });
    tree.seesForks = true;
    tree.fork(1, 0, NOON, false);
    for (let pid = 2; pid <= 100; pid++) {
      tree.fork(pid, pid - 1, NOON + pid, false);
      tree.exec(exec({ pid, ppid: pid - 1, at: pid, argv: ['x'.repeat(1000)] }));
    }
    const last = tree.find(100, NOON + 100)!;
    const reachable = new Set<ProcessNode>();
    const visit = (node: ProcessNode | undefined): void => {
      if (node === undefined || reachable.has(node)) return;
      reachable.add(node);
      for (const next of [node.parent, node.forkedFrom, node.older, node.before, node.after]) visit(next);
    };
    visit(last);
    expect([...reachable].map(({ pid }) => pid).sort()).toEqual([100, 97, 98, 99]);
    const forgotten = [...reachable].find(({ pid }) => pid === 97)!;
    expect(forgotten).toMatchObject({ isForgotten: true, image: undefined, inherited: undefined });
    expect(tree.parentOf(tree.find(98, NOON + 100)!)).toBeUndefined();
  });

  it('is bounded by the length of command lines, and cuts each', () => {
    const { tree } = setUp({ maxBytes: 100_000 });
    const argv = ['x'.repeat(100_000)];
    for (let pid = 1; pid <= 100; pid++) tree.exec(exec({ pid, ppid: 0, argv, at: pid }));
    expect(tree.size).toBeLessThan(15);
    expect(tree.imageOf(tree.find(100, NOON + 100)!)?.commandLine).toHaveLength(4096);
  });

  it('does not cut a character in two', () => {
    const { tree } = setUp();
    const { image } = tree.exec(exec({ argv: [`${'x'.repeat(4095)}😀`] }));
    expect(image.commandLine).toBe('x'.repeat(4095));
  });

  it('stays consistent whatever happens, in whatever order', () => {
    const pid = fc.integer({ min: 1, max: 6 });
    const at = fc.integer({ min: 0, max: 2000 });
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('fork' as const), pid, parent: pid, at }),
        fc.record({ kind: fc.constant('exec' as const), pid, parent: pid, at }),
        fc.record({ kind: fc.constant('executed' as const), pid, parent: pid, at }),
        fc.record({ kind: fc.constant('exit' as const), pid, parent: pid, at }),
      ),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, fc.boolean(), fc.integer({ min: 2, max: 8 }), (plan, seesForks, maxProcesses) => {
        const { live, tree } = setUp({ maxProcesses });
        tree.seesForks = seesForks;
        for (const step of plan) {
          if (step.kind === 'fork') {
            live.add(step.pid, step.at);
            tree.fork(step.pid, step.parent, NOON + step.at, false);
          } else if (step.kind === 'executed') {
            tree.executed(step.pid, NOON + step.at);
          } else if (step.kind === 'exit') {
            live.processes.delete(step.pid);
            tree.exit(step.pid, NOON + step.at);
          } else {
            const path = `/bin/${step.at}`;
            const { process, image, parent } = tree.exec(
              exec({ pid: step.pid, ppid: step.parent, at: step.at, path }),
            );
            expect(process.pid).toBe(step.pid);
            expect(image.path).toBe(path);
            // Whoever adopts a process is told as its parent; the parent is who created it.
            const isAdopted = parent !== undefined && parent.pid !== step.parent;
            if (isAdopted) {
              expect(parent).toBe(process.forkedFrom);
              expect(parent.exitMs).toBeDefined();
            }
            expect(parent === process).toBe(false);
            if (parent !== undefined) expect(parent.startMs).toBeLessThanOrEqual(NOON + step.at + 50);
          }
          expect(tree.size).toBeLessThanOrEqual(maxProcesses);
          for (let asked = 1; asked <= 6; asked++) {
            const found = tree.find(asked, NOON + step.at);
            if (found === undefined) continue;
            expect(found.pid).toBe(asked);
            expect(found.startMs).toBeLessThanOrEqual(NOON + step.at + 50);
            for (let node = found; node.older !== undefined; node = node.older) {
              expect(node.older.exitMs).toBeDefined();
            }
          }
        }
      }),
    );
  });
});

// The clock of the tests and the time of the events must agree: both begin at noon.
it('has events at the time of the fake clock', () => {
  expect(new FakeClock().wallMs()).toBe(NOON);
});
