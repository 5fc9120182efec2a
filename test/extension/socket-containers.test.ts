import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SocketContainers } from '../../src/extension/socket-containers.ts';
import type { ContainerDetails } from '../../src/model/container/container-details.ts';
import type { Container } from '../../src/model/container/container-id.ts';

const web: Container = { id: 'ab', runtime: 'docker', podUid: undefined };
const details: ContainerDetails = {
  name: 'web',
  image: 'nginx',
  imageDigest: undefined,
  podName: undefined,
  podNamespace: undefined,
};
const nothing = undefined;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const setUp = (
  own: ReadonlyMap<number, Container | null>,
  inherited: ReadonlyMap<number, Container | null> = new Map(),
  find: () => ContainerDetails | undefined | Promise<ContainerDetails | undefined> = () => details,
) => {
  const taken: unknown[] = [];
  const containers = new SocketContainers(
    {
      processContainers: {
        ownOf: (pid: number) => own.get(pid),
        of: (pid: number) => own.get(pid) ?? inherited.get(pid),
      } as never,
      containers: { find } as never,
      connector: { drain: () => {} } as never,
    },
    (eid, values) => taken.push([eid, ...values]),
  );
  return { containers, taken };
};
const row = (eid: number, found: ContainerDetails | undefined = details) => [
  eid,
  'ab',
  'docker',
  found?.name,
  found?.image,
  nothing,
  nothing,
  nothing,
  nothing,
];

describe('SocketContainers', () => {
  test('tells the container of a process, and nothing of one of the host', () => {
    const { containers, taken } = setUp(
      new Map([
        [10, web],
        [11, null],
      ]),
    );
    containers.offer(Float64Array.of(1, 10, 5_000, 2, 11, 5_000));
    expect(taken).toEqual([row(1)]);
  });

  test('asks later where one comes from that is gone', async () => {
    const { containers, taken } = setUp(new Map(), new Map([[10, web]]));
    containers.offer(Float64Array.of(1, 10, 5_000, 2, 11, 5_000));
    expect(taken).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(taken).toEqual([row(1)]);
  });

  test('tells what it has when it is closed, and the id where the runtime says nothing', () => {
    const { containers, taken } = setUp(new Map(), new Map([[10, web]]), () => undefined);
    containers.offer(Float64Array.of(1, 10, 5_000));
    containers.close();
    containers.close();
    expect(taken).toEqual([[1, 'ab', 'docker', nothing, nothing, nothing, nothing, nothing, nothing]]);
  });

  test('waits for what the runtime says', async () => {
    const { containers, taken } = setUp(new Map([[10, web]]), new Map(), async () => details);
    containers.offer(Float64Array.of(1, 10, 5_000));
    expect(taken).toEqual([]);
    await vi.advanceTimersByTimeAsync(0);
    expect(taken).toEqual([row(1)]);
  });
});
