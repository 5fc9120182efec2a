import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, readFileSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { legacyControllerOfHost } from '../../src/bpf/cgroup-controller.ts';
import { readKernelBtf } from '../../src/bpf/kernel-btf.ts';
import { type LoadedSet, loadSet } from '../../src/bpf/loader.ts';
import { lossCounter, ringMemory } from '../../src/bpf/mapped-memory.ts';
import { processPrograms } from '../../src/bpf/process-programs.ts';
import { type ExecRecord, type ProcessRecord, parseProcessRecord } from '../../src/bpf/process-records.ts';
import { RingReader } from '../../src/bpf/ring-reader.ts';
import { socketPrograms } from '../../src/bpf/socket-programs.ts';
import { openProcessPrograms } from '../../src/model/process/open-process-programs.ts';
import { unless, whyNotLinux, whyNotRoot } from '../unless.ts';

const whyNotBpf =
  whyNotLinux ??
  whyNotRoot ??
  (existsSync('/sys/kernel/btf/vmlinux') ? undefined : 'it needs a kernel with BTF');

const TRUE = realpathSync('/bin/true');
const EXECS = 1_000;
const namespaceOf = (kind: string): number => statSync(`/proc/self/ns/${kind}`).ino;

describe('BPF programs for processes in the running kernel', unless(whyNotBpf), () => {
  let sets: LoadedSet[] = [];
  const programs = processPrograms(legacyControllerOfHost());
  afterEach(() => {
    for (const { ringFd, lossesFd, linkFds } of sets)
      for (const fd of [ringFd, lossesFd, ...linkFds]) closeSync(fd);
    sets = [];
  });
  const load = (ringBytes?: number, variants = programs.variants) => {
    const set = loadSet(readKernelBtf(), {
      ...programs,
      ringBytes: ringBytes ?? programs.ringBytes,
      variants,
    });
    sets.push(set);
    const reader = new RingReader(ringMemory(set));
    const records = (): readonly ProcessRecord[] => {
      const found: ProcessRecord[] = [];
      reader.drain((bytes, at, length) => {
        const record = parseProcessRecord(bytes, at, at + length);
        if (record !== undefined) found.push(record);
      });
      return found;
    };
    return { set, records, lost: lossCounter(set) };
  };

  test.each(programs.variants)(
    '$name: a process begins, executes and ends, with its parent, its file and its namespaces',
    variant => {
      const { set, records } = load(undefined, [variant]);
      expect(set.variant).toBe(variant.name);
      const [sh, child] = execFileSync('sh', ['-c', `${TRUE} & echo $$ $!; wait`], { encoding: 'utf8' })
        .trim()
        .split(' ')
        .map(Number);
      const found = records();
      const of = (pid: number | undefined) => found.filter(record => 'pid' in record && record.pid === pid);
      expect(of(sh).map(({ kind }) => kind)).toEqual(['fork', 'exec', 'exit']);
      expect(of(sh)[0]).toMatchObject({ parent: process.pid });
      expect(of(child)).toMatchObject([
        { kind: 'fork', parent: sh },
        {
          kind: 'exec',
          parent: sh,
          inode: BigInt(statSync(TRUE).ino),
          mountNamespace: namespaceOf('mnt'),
          netNamespace: namespaceOf('net'),
          pidNamespace: namespaceOf('pid'),
          userNamespace: namespaceOf('user'),
          namespacePid: child,
        },
        { kind: 'exit' },
      ]);
      const times = of(child).map(record => (record.kind === 'cgroup' ? Number.NaN : record.monotonicMs));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      const now = Number(process.hrtime.bigint()) / 1e6;
      expect(times[2]).toBeLessThanOrEqual(now);
    },
  );

  test('another namespace is another number, and the pid is that of inside', () => {
    const { records } = load();
    const result = spawnSync('unshare', ['-m', '-n', '-p', '-f', TRUE]);
    expect(result.status).toBe(0);
    const inode = BigInt(statSync(TRUE).ino);
    const inside = records().filter(
      (record): record is ExecRecord =>
        record.kind === 'exec' && record.inode === inode && record.mountNamespace !== namespaceOf('mnt'),
    );
    expect(inside).toHaveLength(1);
    expect(inside[0]).toMatchObject({ namespacePid: 1, userNamespace: namespaceOf('user') });
    expect(inside[0]!.netNamespace).not.toBe(namespaceOf('net'));
    expect(inside[0]!.pidNamespace).not.toBe(namespaceOf('pid'));
  });

  test('none of many that end at once is missing', () => {
    const { records, lost } = load();
    const loop = `i=0; while [ $i -lt ${EXECS} ]; do ${TRUE}; i=$((i+1)); done; echo $$`;
    const pid = Number(execFileSync('sh', ['-c', loop], { encoding: 'utf8' }));
    const found = records();
    const children = new Set(
      found.flatMap(record => (record.kind === 'fork' && record.parent === pid ? [record.pid] : [])),
    );
    expect(children.size).toBe(EXECS);
    const kinds = (kind: ProcessRecord['kind']) =>
      found.filter(record => record.kind === kind && 'pid' in record && children.has(record.pid)).length;
    expect([kinds('exec'), kinds('exit')]).toEqual([EXECS, EXECS]);
    expect(lost()).toBe(0);
  });

  test('the path of a cgroup comes once, before the first exec in it', unless(whyNoCgroup()), () => {
    const { records } = load();
    const root = writableCgroup()!;
    const name = `live-test-${process.pid}`;
    mkdirSync(join(root, name));
    try {
      const enter = `echo $$ > ${join(root, name, 'cgroup.procs')}; ${TRUE}; ${TRUE}`;
      execFileSync('sh', ['-c', enter]);
      const found = records();
      const reports = found.filter(record => record.kind === 'cgroup' && record.path === `/${name}`);
      expect(reports).toHaveLength(1);
      const { id } = reports[0] as Extract<ProcessRecord, { kind: 'cgroup' }>;
      const inside = found.filter(
        record => record.kind === 'exec' && (record.cgroup === id || record.cgroupV1 === id),
      );
      expect(inside).toHaveLength(2);
      expect(found.indexOf(reports[0]!)).toBeLessThan(found.indexOf(inside[0]!));
    } finally {
      rmdirSync(join(root, name));
    }
  });

  test('what a full ring cannot take is counted', () => {
    const { records, lost } = load(4_096);
    for (let i = 0; i < 100; i++) execFileSync(TRUE);
    expect(lost()).toBeGreaterThan(0);
    // What it has taken is whole.
    expect(records().length).toBeGreaterThan(0);
  });

  test('they are opened after a test, and rejected if they tell of something else', async () => {
    const { set } = load();
    const connect = await openProcessPrograms(set);
    if (typeof connect === 'string') throw new Error(connect);
    const connector = connect();
    execFileSync(TRUE);
    const kinds: string[] = [];
    connector.drain(event => kinds.push(event.kind));
    expect(kinds[0]).toBe('reply');
    expect(kinds).toEqual(expect.arrayContaining(['fork', 'exec', 'exit']));
    expect(connector.counters).toEqual({ overruns: 0, malformed: 0 });

    const others = loadSet(readKernelBtf(), socketPrograms);
    sets.push(others);
    expect(await openProcessPrograms(others)).toMatch(/the programs tell of 0 children/);
  });
});

/** A hierarchy that the programs follow, in which groups can be made. */
function writableCgroup(): string | undefined {
  const controller = legacyControllerOfHost();
  const roots = controller === undefined ? ['/sys/fs/cgroup'] : [`/sys/fs/cgroup/${controller}`];
  return roots.find(root => {
    try {
      const probe = join(root, 'live-test-probe');
      mkdirSync(probe);
      rmdirSync(probe);
      return readFileSync(join(root, 'cgroup.procs')).length >= 0;
    } catch {
      return false;
    }
  });
}

function whyNoCgroup(): string | undefined {
  return whyNotBpf ?? (writableCgroup() === undefined ? 'no cgroup can be made' : undefined);
}
