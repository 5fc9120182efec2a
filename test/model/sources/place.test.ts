import { describe, expect, it } from 'vitest';
import { EventModel } from '../../../src/model/event-model.ts';
import type { Place } from '../../../src/model/process/place.ts';
import { ProcessTree } from '../../../src/model/process/process-tree.ts';
import { laterSource } from '../../../src/model/source.ts';
import type { AccountFields } from '../../../src/model/sources/accounts.ts';
import { placeSource } from '../../../src/model/sources/place.ts';
import { processTreeSource } from '../../../src/model/sources/process-tree.ts';
import { FakeClock } from '../fake-clock.ts';
import { exec, fork } from '../process-events.ts';

const CONTAINER: Place = { mount: 2, root: '/', user: 1 };

const setUp = () => {
  const tree = new ProcessTree(undefined);
  tree.seesForks = true;
  const clock = new FakeClock();
  /** By pid, of processes that live. */
  const living = new Map<number, Place | null>();
  const looks: number[] = [];
  let now = 0;
  const told: unknown[] = [];
  const model = new EventModel({
    sources: [
      processTreeSource({ tree, clock, forkEvents: true }),
      placeSource(
        tree,
        {
          of: pid => {
            looks.push(pid);
            return living.get(pid);
          },
        },
        { deviceOf: path => (path.startsWith('/bin') ? '8:1' : '8:2') },
        () => now,
      ),
      laterSource<
        Pick<AccountFields, 'user_name'>,
        { place: Place | null | undefined; place_witness: number | undefined }
      >({
        name: 'told',
        provides: { user_name: 'output' },
        needs: ['place', 'place_witness'],
        resolve: (_event, { place, place_witness }) => {
          told.push([place, place_witness]);
          return undefined;
        },
      }),
    ],
    clock,
    emit: () => {},
  });
  const later = (ms: number): void => {
    now += ms;
  };
  return { model, living, looks, later, last: () => told.at(-1) };
};
const on = (dev: string) => {
  const file = { inode: '5', dev, mode: undefined, ouid: undefined, ogid: undefined, name: undefined };
  return { path: '/bin/sh', files: [file] };
};
const HERE = on('08:01');
const THERE = on('00:2f');

describe('placeSource', () => {
  it('tells where a living process is', () => {
    const { model, living, last } = setUp();
    living.set(100, CONTAINER).set(101, null);
    model.offer(exec({ pid: 100 }));
    expect(last()).toEqual([CONTAINER, 100]);
    model.offer(exec({ pid: 101 }));
    expect(last()).toEqual([null, 101]);
  });

  it('tells of one that has ended where its parent is', () => {
    const { model, living, last } = setUp();
    living.set(100, CONTAINER);
    model.offer(exec({ pid: 100 }));
    model.offer(fork(101, 100));
    model.offer(exec({ pid: 101, ppid: 100, ...THERE }));
    expect(last()).toEqual([CONTAINER, 100]);
  });

  it('does not look at a parent on the host again for a second', () => {
    const { model, living, looks, later, last } = setUp();
    living.set(100, null);
    const run = (pid: number, file: typeof HERE): readonly number[] => {
      looks.length = 0;
      model.offer(fork(pid, 100));
      model.offer(exec({ pid, ppid: 100, ...file }));
      return looks.filter(look => look === 100);
    };
    model.offer(exec({ pid: 100 }));
    expect(run(101, HERE)).toEqual([100]);
    expect(run(102, HERE)).toEqual([]);
    expect(last()).toEqual([null, 100]);
    // It moves, and what it runs then is none of the host's.
    living.set(100, CONTAINER);
    expect(run(103, THERE)).toEqual([]);
    expect(last()).toEqual([undefined, undefined]);
    later(1_000);
    expect(run(104, THERE)).toEqual([100]);
    expect(last()).toEqual([CONTAINER, 100]);
  });

  it('does not take the first process of a container, which has its parent on the host, to be there', () => {
    const { model, living, last } = setUp();
    living.set(100, null);
    model.offer(exec({ pid: 100 }));
    model.offer(fork(101, 100));
    model.offer(exec({ pid: 101, ppid: 100, ...THERE }));
    expect(last()).toEqual([undefined, undefined]);
    model.offer(exec({ pid: 101, ppid: 100, ...HERE }));
    expect(last()).toEqual([null, 100]);
  });
});
