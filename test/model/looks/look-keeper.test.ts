import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LookKeeper } from '../../../src/model/looks/look-keeper.ts';

/** A process that SIGKILL does not end. */
class Unkillable extends EventEmitter {
  readonly pid: number;
  kills = 0;

  constructor(pid: number) {
    super();
    this.pid = pid;
  }

  kill(): boolean {
    this.kills++;
    return true;
  }
}

const setUp = (stateOf: () => string = () => 'D') => {
  const started: Unkillable[] = [];
  const attached: (number | undefined)[] = [];
  const keeper = new LookKeeper<number>({
    start: () => {
      const child = new Unkillable(started.length + 1);
      started.push(child);
      return { child, channel: child.pid };
    },
    attach: channel => attached.push(channel),
    warn: () => {},
    stateOf,
  });
  return { keeper, started, attached };
};

describe('LookKeeper', () => {
  it('replaces a process that hangs, a bounded number of times', () => {
    const { keeper, started, attached } = setUp();
    keeper.start();
    for (let i = 0; i < 10; i++) keeper.giveUp();
    // Four are there for good, and a fifth would be one too many.
    expect(started).toHaveLength(4);
    expect(started.map(({ kills }) => kills)).toEqual([1, 1, 1, 1]);
    expect(attached).toEqual([1, 2, 3, 4, undefined]);
    expect(keeper.abandoned).toBe(4);
    expect(keeper.givenUp).toBe(4);
    keeper.close();
  });

  it('starts another where one has ended by itself', () => {
    const { keeper, started, attached } = setUp();
    keeper.start();
    keeper.start();
    started[0]!.emit('exit');
    expect(attached).toEqual([1, 2]);
    keeper.close();
    expect(started[1]!.kills).toBe(1);
  });

  it('waits for one that only wants a CPU', async () => {
    let state = 'R';
    const { keeper, started } = setUp(() => state);
    keeper.start();
    keeper.giveUp();
    keeper.giveUp();
    expect(started[0]!.kills).toBe(0);
    state = 'D';
    while (started[0]!.kills === 0) await sleep(10);
    expect(started).toHaveLength(2);
    keeper.close();
  });
});
