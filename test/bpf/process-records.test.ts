import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CGROUP,
  COMMON,
  EXEC,
  EXIT,
  FORK,
  MAX_CGROUP_DEPTH,
  NAME_BYTES,
  parseProcessRecord,
  RECORD_KIND,
} from '../../src/bpf/process-records.ts';

const record = (kind: keyof typeof RECORD_KIND, bytes: number, pid = 4321): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeBigUInt64LE(1_234_567_890n, COMMON.time);
  buffer.writeUInt32LE(RECORD_KIND[kind], COMMON.kind);
  buffer.writeUInt32LE(pid, COMMON.pid);
  return buffer;
};

const parse = (bytes: Buffer) => parseProcessRecord(bytes, 0, bytes.length);

const forked = (): Buffer => {
  const bytes = record('fork', FORK.bytes);
  bytes.writeUInt32LE(1234, FORK.parent);
  return bytes;
};

const executed = (): Buffer => {
  const bytes = record('exec', EXEC.bytes);
  bytes.writeBigUInt64LE(77n, EXEC.cgroup);
  bytes.writeBigUInt64LE(1n << 63n, EXEC.cgroupV1);
  bytes.writeBigUInt64LE(260_958n, EXEC.inode);
  bytes.writeUInt32LE(0xfe00000, EXEC.device);
  bytes.writeUInt32LE(1, EXEC.mountNamespace);
  bytes.writeUInt32LE(2, EXEC.netNamespace);
  bytes.writeUInt32LE(3, EXEC.userNamespace);
  bytes.writeUInt32LE(4, EXEC.pidNamespace);
  bytes.writeUInt32LE(5, EXEC.namespacePid);
  bytes.writeUInt32LE(6, EXEC.parent);
  bytes.writeUInt32LE(1, EXEC.isAudited);
  bytes.writeBigUInt64LE(1_796_094_409n, EXEC.seconds);
  bytes.writeUInt32LE(868_999_999, EXEC.nanoseconds);
  return bytes;
};

const cgroup = (names: readonly string[], depth = names.length): Buffer => {
  const bytes = record('cgroup', CGROUP.bytes);
  bytes.writeUInt32LE(depth, CGROUP.depth);
  bytes.writeBigUInt64LE(77n, CGROUP.id);
  // What was in the ring before.
  bytes.fill(0x41, CGROUP.names);
  names.forEach((name, at) => {
    bytes.write(`${name}\0`, CGROUP.names + at * NAME_BYTES, 'utf8');
  });
  return bytes;
};

test('a fork', () => {
  expect(parse(forked())).toEqual({ kind: 'fork', pid: 4321, parent: 1234, monotonicMs: 1234.56789 });
});

test('an exit', () => {
  expect(parse(record('exit', EXIT.bytes))).toEqual({ kind: 'exit', pid: 4321, monotonicMs: 1234.56789 });
});

describe('an exec', () => {
  test('of a process that audit sees', () => {
    expect(parse(executed())).toEqual({
      kind: 'exec',
      pid: 4321,
      monotonicMs: 1234.56789,
      parent: 6,
      inode: 260_958n,
      device: 0xfe00000,
      isAudited: true,
      auditMs: 1_796_094_409_868,
      cgroup: 77n,
      cgroupV1: 1n << 63n,
      mountNamespace: 1,
      netNamespace: 2,
      userNamespace: 3,
      pidNamespace: 4,
      namespacePid: 5,
    });
  });

  test('while audit is off, and of a process that audit cannot see', () => {
    const bytes = executed();
    bytes.fill(0, EXEC.seconds, EXEC.bytes);
    expect(parse(bytes)).toMatchObject({ isAudited: true, auditMs: undefined });
    bytes.writeUInt32LE(0, EXEC.isAudited);
    expect(parse(bytes)).toMatchObject({ isAudited: false, auditMs: undefined });
  });
});

describe('a cgroup', () => {
  test.each<[string, readonly string[], string | undefined]>([
    ['the root', [''], '/'],
    ['one below', ['init.scope', ''], '/init.scope'],
    ['several below', ['container', `libpod-${'a'.repeat(64)}.scope`, 'machine.slice', ''], undefined],
    ['a name of another script', ['größe', ''], '/größe'],
    ['the longest name', ['x'.repeat(NAME_BYTES - 1), ''], `/${'x'.repeat(NAME_BYTES - 1)}`],
  ])('%s', (_, names, path) => {
    expect(parse(cgroup(names))).toEqual({
      kind: 'cgroup',
      id: 77n,
      path: path ?? `/${names.toReversed().filter(Boolean).join('/')}`,
    });
  });

  test('has no path if it is too deep, or its record is damaged', () => {
    const deep = Array.from({ length: MAX_CGROUP_DEPTH }, (_, at) => `d${at}`);
    expect(parse(cgroup(deep, 0))).toMatchObject({ path: undefined });
    expect(parse(cgroup(deep, MAX_CGROUP_DEPTH + 1))).toMatchObject({ path: undefined });
    const unended = cgroup(['a', '']);
    unended.fill(0x41, CGROUP.names, CGROUP.names + NAME_BYTES);
    expect(parse(unended)).toMatchObject({ path: undefined });
  });
});

test('records that are cut off, at every byte', () => {
  for (const whole of [forked(), executed(), record('exit', EXIT.bytes), cgroup(['a', ''])]) {
    for (let length = 0; length < whole.length; length++) {
      expect(parseProcessRecord(whole, 0, length)).toBeUndefined();
    }
  }
});

test('of any bytes at most a record comes out, and never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: CGROUP.bytes + 16 }), fc.nat(5), (bytes, kind) => {
      const buffer = Buffer.from(bytes);
      if (buffer.length >= EXIT.bytes) buffer.writeUInt32LE(kind, COMMON.kind);
      const found = parse(buffer);
      if (kind < 1 || kind > 4) expect(found).toBeUndefined();
    }),
  );
});
