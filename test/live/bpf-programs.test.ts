import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { BpfError } from '../../src/bpf/bpf-error.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { type LoadedSet, loadSet } from '../../src/bpf/loader.ts';
import { lossCounter, ringMemory } from '../../src/bpf/mapped-memory.ts';
import { RingReader } from '../../src/bpf/ring-reader.ts';
import { socketPrograms } from '../../src/bpf/socket-programs.ts';
import { readSocketRecord } from '../../src/bpf/socket-record.ts';
import { unless, whyNotLinux, whyNotRoot } from '../unless.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const whyNotBpf =
  whyNotLinux ?? whyNotRoot ?? (existsSync(VMLINUX) ? undefined : 'it needs a kernel with BTF');

/** Connects, and says from which end to which: over IPv4 and IPv6, blocking or not, closed after a millisecond, on one descriptor. */
const CONNECTS = `
import json, os, socket, sys, time
count = int(sys.argv[1]); said = []
servers = []
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
  s = socket.socket(family); s.bind((host, 0)); s.listen(4096); servers.append((family, s))
for i in range(count):
  family, server = servers[i & 1]; c = socket.socket(family)
  if i & 2: c.setblocking(False)
  try: c.connect(server.getsockname()[:2])
  except BlockingIOError: pass
  said.append([int(family), *c.getsockname()[:2], *server.getsockname()[:2]])
  time.sleep(0.001); c.close()
print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino, "said": said}))
`;

interface Said {
  readonly pid: number;
  readonly netns: number;
  readonly said: readonly (readonly [family: number, ...ends: readonly (string | number)[]])[];
}
const connects = (count: number): Said =>
  JSON.parse(execFileSync('python3', ['-c', CONNECTS, String(count)], { encoding: 'utf8' }));

const texts = (address: Buffer): string =>
  address.length === 4
    ? address.join('.')
    : address.equals(Buffer.from([...new Array(15).fill(0), 1]))
      ? '::1'
      : address.toString('hex');

describe('BPF programs in the running kernel', unless(whyNotBpf), () => {
  let sets: LoadedSet[] = [];
  afterEach(() => {
    for (const { ringFd, lossesFd, linkFds } of sets)
      for (const fd of [ringFd, lossesFd, ...linkFds]) closeSync(fd);
    sets = [];
  });
  const load = (ringBytes = socketPrograms.ringBytes) => {
    const set = loadSet(new Btf(readFileSync(VMLINUX)), { ...socketPrograms, ringBytes });
    sets.push(set);
    const reader = new RingReader(ringMemory(set));
    const records = (of: Said) => {
      const found: (string | number)[][] = [];
      reader.drain((bytes, at, length) => {
        const record = readSocketRecord(bytes, at, length);
        if (record === undefined || record.tgid !== of.pid || !['connect', 'connected'].includes(record.kind))
          return;
        expect(record.netns).toBe(of.netns);
        expect(record.protocol).toBe(6);
        found.push([
          record.family,
          texts(record.local),
          record.localPort,
          texts(record.remote),
          record.remotePort,
        ]);
      });
      return found;
    };
    return { records, losses: lossCounter(set), reader };
  };

  test('connections of a millisecond over IPv4 and IPv6, blocking or not: each once, exact, in order', () => {
    const { records, losses } = load();
    const of = connects(200);
    expect(records(of)).toEqual(of.said);
    expect(losses()).toBe(0);
  });

  test('two network namespaces at the same time', async () => {
    const { reader } = load();
    const inside = ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', ''];
    const start = (...command: readonly string[]): ChildProcess =>
      spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    const children = [
      start('python3', '-c', CONNECTS, '100'),
      start(...inside, 'python3', '-c', CONNECTS, '100'),
    ];
    const all = await Promise.all(
      children.map(async child => {
        const pieces: Buffer[] = [];
        child.stdout!.on('data', piece => pieces.push(piece));
        await once(child, 'close');
        return JSON.parse(Buffer.concat(pieces).toString()) as Said;
      }),
    );
    expect(all[0]!.netns).not.toBe(all[1]!.netns);
    const found = new Map<number, (string | number)[][]>(all.map(({ netns }) => [netns, []]));
    reader.drain((bytes, at, length) => {
      const record = readSocketRecord(bytes, at, length);
      if (record === undefined || !['connect', 'connected'].includes(record.kind)) return;
      if (!all.some(({ pid }) => pid === record.tgid)) return;
      found
        .get(record.netns)!
        .push([
          record.family,
          texts(record.local),
          record.localPort,
          texts(record.remote),
          record.remotePort,
        ]);
    });
    for (const { netns, said } of all) expect(found.get(netns)).toEqual(said);
  });

  test('a ring that overflows: what is there is exact and the first, the rest is counted', () => {
    const { records, losses } = load(4096);
    const of = connects(200);
    const found = records(of);
    expect(found).toEqual(of.said.slice(0, found.length));
    expect(found.length).toBeGreaterThan(0);
    // Other processes of this host connect, too.
    expect(losses()).toBeGreaterThanOrEqual(of.said.length - found.length);
    // It goes on.
    const next = connects(4);
    expect(records(next)).toEqual(next.said);
  });

  test('BTF of another build: a refusal in words, and nothing stays', async () => {
    const other = new Btf(readFileSync(new URL('../bpf/btf/linux-6.18-x64.btf', import.meta.url)));
    const before = descriptors().length;
    expect(() => loadSet(other, socketPrograms)).toThrow(BpfError);
    await expect.poll(() => descriptors().length).toBeLessThanOrEqual(before);
  });

  test('a program that the verifier refuses: its words', () => {
    const bad = {
      ...socketPrograms,
      variants: [
        {
          name: 'bad',
          programs: [
            {
              name: 'oae_bad',
              hook: { kind: 'tp_btf', tracepoint: 'inet_sock_set_state' },
              // Returns what it never had.
              assemble: () => Buffer.from('bf900000000000009500000000000000', 'hex'),
            },
          ],
        },
      ],
    } as const;
    // `R9 !read_ok`, and from Linux 7 on `Initialize R9 on every path before this instruction.`
    expect(() => loadSet(new Btf(readFileSync(VMLINUX)), bad)).toThrow(/oae_bad.*\bR9\b/);
  });
});

const descriptors = (): string[] =>
  execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' }).match(/bpf-\S+|bpf_link/g) ??
  [];
