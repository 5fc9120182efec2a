import { expect, test } from 'vitest';
import {
  CGROUP,
  COMMON,
  EXEC,
  EXIT,
  FORK,
  NAME_BYTES,
  RECORD_KIND,
} from '../../../src/bpf/process-records.ts';
import type { OnRecord } from '../../../src/bpf/ring-reader.ts';
import { BpfProcessConnector, CgroupPaths } from '../../../src/model/process/bpf-process-connector.ts';
import type { ProcConnectorEvent } from '../../../src/model/process/cn-proc.ts';

const ID = 'c'.repeat(64);
const V1 = 1n << 63n;

class FakeRing {
  readonly waiting: Buffer[] = [];
  lostRecords = 0;

  drain(onRecord: OnRecord): void {
    for (const bytes of this.waiting.splice(0)) onRecord(bytes, 0, bytes.length);
  }

  lost(): number {
    return this.lostRecords;
  }

  record(kind: keyof typeof RECORD_KIND, bytes: number, pid = 10): Buffer {
    const buffer = Buffer.alloc(bytes);
    buffer.writeBigUInt64LE(5_000_000n, COMMON.time);
    buffer.writeUInt32LE(RECORD_KIND[kind], COMMON.kind);
    buffer.writeUInt32LE(pid, COMMON.pid);
    this.waiting.push(buffer);
    return buffer;
  }

  cgroup(id: bigint, names: readonly string[]): void {
    const bytes = this.record('cgroup', CGROUP.bytes);
    bytes.writeUInt32LE(names.length, CGROUP.depth);
    bytes.writeBigUInt64LE(id, CGROUP.id);
    names.forEach((name, at) => {
      bytes.write(name, CGROUP.names + at * NAME_BYTES);
    });
  }

  exec(cgroup: bigint, cgroupV1 = 0n): void {
    const bytes = this.record('exec', EXEC.bytes);
    bytes.writeBigUInt64LE(cgroup, EXEC.cgroup);
    bytes.writeBigUInt64LE(cgroupV1, EXEC.cgroupV1);
    bytes.writeUInt32LE(4_026_532_178, EXEC.mountNamespace);
  }
}

const open = (paths = new CgroupPaths(undefined), sinceMs = 0) => {
  const ring = new FakeRing();
  const connector = new BpfProcessConnector(ring, paths, sinceMs);
  const drain = (): readonly ProcConnectorEvent[] => {
    const events: ProcConnectorEvent[] = [];
    connector.drain(event => events.push(event));
    return events;
  };
  return { ring, connector, drain };
};

test('it says first that it listens, and passes on forks and exits', () => {
  const { ring, drain } = open();
  ring.record('fork', FORK.bytes, 11).writeUInt32LE(10, FORK.parent);
  ring.record('exit', EXIT.bytes, 11);
  expect(drain()).toEqual([
    { kind: 'reply', error: 0 },
    { kind: 'fork', pid: 11, parent: 10, monotonicMs: 5 },
    { kind: 'exit', pid: 11, monotonicMs: 5 },
  ]);
  expect(drain()).toEqual([]);
});

test('an exec says in which container and namespaces it was', () => {
  const { ring, drain } = open();
  ring.cgroup(7n, ['container', `libpod-${ID}.scope`, 'machine.slice', '']);
  ring.exec(7n);
  expect(drain()).toContainEqual({
    kind: 'exec',
    pid: 10,
    monotonicMs: 5,
    facts: expect.objectContaining({
      mountNamespace: 4_026_532_178,
      cgroup: {
        path: `/machine.slice/libpod-${ID}.scope/container`,
        container: { id: ID, runtime: 'podman', podUid: undefined },
        mayBeOfEnding: false,
      },
    }),
  });
});

test('what happened before it was opened is left out, but not the paths of cgroups', () => {
  const { ring, drain } = open(new CgroupPaths(undefined), 5.5);
  ring.cgroup(7n, [ID, 'docker', '']);
  ring.exec(7n);
  ring.record('exit', EXIT.bytes, 11);
  const later = ring.record('exec', EXEC.bytes, 12);
  later.writeBigUInt64LE(5_500_000n, COMMON.time);
  later.writeBigUInt64LE(7n, EXEC.cgroup);
  expect(drain()).toMatchObject([
    { kind: 'reply' },
    { kind: 'exec', pid: 12, facts: { cgroup: { container: { id: ID } } } },
  ]);
});

const cgroupOf = (events: readonly ProcConnectorEvent[]) =>
  events.flatMap(event => (event.kind === 'exec' ? [event.facts?.cgroup] : []));

test('where version 1 is mounted, its cgroup names the container', () => {
  const { ring, drain } = open(new CgroupPaths('pids'));
  ring.cgroup(1n, ['']);
  ring.cgroup(V1 | 7n, [ID, 'docker', '']);
  ring.exec(1n, V1 | 7n);
  expect(cgroupOf(drain())).toMatchObject([
    { path: `/docker/${ID}`, container: { id: ID, runtime: 'docker', podUid: undefined } },
  ]);
});

test('a cgroup that was not reported is not guessed', () => {
  const { ring, drain } = open(new CgroupPaths('pids'));
  ring.cgroup(1n, ['']);
  ring.exec(1n, V1 | 7n);
  ring.exec(2n, V1 | 7n);
  expect(cgroupOf(drain())).toEqual([undefined, undefined]);
});

test('paths are known to the next connector, too, as each is reported once', () => {
  const paths = new CgroupPaths(undefined);
  const first = open(paths);
  first.ring.cgroup(7n, [ID, 'docker', '']);
  first.drain();
  first.connector.close();
  first.ring.exec(7n);
  expect(first.drain()).toEqual([]);
  const second = open(paths);
  second.ring.exec(7n);
  expect(cgroupOf(second.drain())).toMatchObject([{ container: { id: ID } }]);
});

test('what was lost, and what cannot be read, is counted', () => {
  const ring = new FakeRing();
  ring.lostRecords = 5;
  const connector = new BpfProcessConnector(ring, new CgroupPaths(undefined), 0);
  expect(connector.counters).toEqual({ overruns: 0, malformed: 0 });
  ring.lostRecords = 7;
  ring.record('exec', EXEC.bytes - 8);
  connector.drain(() => {});
  expect(connector.counters).toEqual({ overruns: 2, malformed: 1 });
});
