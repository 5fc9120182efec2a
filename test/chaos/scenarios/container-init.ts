import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../../../src/runtime/message-of.ts';
import { processEvents } from '../../../tables/process_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import type { Program } from '../../bench/program.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { rowsOf } from '../rows-of.ts';

const EVENTS = 20;
/** Capabilities of an extension that is to record and nothing else. */
const AUDIT = ['--cap-add=AUDIT_CONTROL', '--cap-add=AUDIT_READ'] as const;
const HOST_PIDS = '--pid=host';
const HOST_NETWORK = '--network=host';

const NO_SECCOMP = '--security-opt=seccomp=unconfined';

interface Container {
  readonly name: string;
  readonly options: readonly string[];
  /** Whether the kernel lets audit be controlled from there. */
  readonly hasEvents: boolean;
}

/** The kernel takes orders about audit from the first namespaces alone; the runtime's own filter lets nobody have its socket. */
const CONTAINERS: readonly Container[] = [
  {
    name: 'processes of the host',
    options: [HOST_PIDS, HOST_NETWORK, NO_SECCOMP, ...AUDIT],
    hasEvents: true,
  },
  {
    name: "processes of the host, podman's filter",
    options: [HOST_PIDS, HOST_NETWORK, ...AUDIT],
    hasEvents: false,
  },
  { name: 'PID 1, network of the host', options: [HOST_NETWORK, NO_SECCOMP, ...AUDIT], hasEvents: false },
  { name: 'PID 1, network of its own', options: ['--network=none', NO_SECCOMP, ...AUDIT], hasEvents: false },
  { name: 'PID 1, no capabilities', options: ['--network=none', NO_SECCOMP], hasEvents: false },
];

/** Programs and libraries of the host, read-only, and nothing else of it. */
const makeRoot = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'chaos-root-'));
  for (const name of ['usr', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run']) mkdirSync(join(root, name));
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  return root;
};

const inside = (root: string, { file, args, name }: Program, { options }: Container): Program => {
  const podman = [
    'run',
    '--rm',
    '--runtime=runc',
    '--cgroup-manager=cgroupfs',
    '--cap-drop=all',
    '--pull=never',
  ];
  const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1000:1000', '--stop-timeout=5'];
  // Its own files, wherever they are, and the socket of core.
  const mounts = ['/usr', dirname(file), process.cwd()].map(path => `--volume=${path}:${path}:ro`);
  const sockets = `--volume=${tmpdir()}:${tmpdir()}`;
  return {
    file: 'podman',
    args: [...podman, ...limits, ...mounts, sockets, ...options, '--rootfs', root, file, ...args],
    name,
  };
};

const run = async (container: Container, root: string, context: BenchContext): Promise<readonly Figure[]> => {
  const note = (said: string): void => context.note(`container-init, ${container.name}: ${said}`);
  let extension: SupervisedExtension;
  try {
    extension = await SupervisedExtension.start(
      { ...processOptions, logger_plugin: 'filesystem', custom_audit_state_dir: 'none' },
      inside(root, context.program, container),
    );
  } catch (error) {
    // It has ended at once.
    note(messageOf(error));
    return [noEvents(container, !container.hasEvents && /audit/.test(messageOf(error)))];
  }
  await using _ = extension;
  await using execs = await Load.prepare('execs', EVENTS, 0);
  await execs.run();
  if (container.hasEvents) await extension.settled();
  const { mode, last_error } = await extension.status();
  const rows = await rowsOf(extension, processEvents.spec, 'parent', execs.pid);
  const all = [`mode ${mode}`, last_error, ...extension.core.logged, ...extension.stderr.split('\n')];
  for (const said of new Set(all)) if (said !== undefined && said !== '') note(said);
  const began = performance.now();
  await extension.end('SIGTERM');
  const end = {
    name: '… ends on SIGTERM',
    value: performance.now() - began,
    unit: 'ms',
    goal: { atMost: 4_000 },
  };
  if (container.hasEvents) {
    return [{ name: container.name, value: rows, unit: 'rows', goal: { atLeast: EVENTS } }, end];
  }
  return [noEvents(container, rows === 0 && last_error !== undefined && last_error !== ''), end];
};

const noEvents = ({ name }: Container, isSaid: boolean): Figure => ({
  name: `${name}: no events, and it says why`,
  value: Number(isSaid),
  unit: '',
  goal: { atLeast: 1 },
});

export const containerInit: Scenario = {
  name: 'container-init',
  title: 'in a container (podman, runc) with few capabilities, also as its PID 1',
  needsAudit: true,
  run: async context => {
    if (spawnSync('podman', ['--version']).status !== 0) {
      context.note('left out: it takes podman and runc');
      return [];
    }
    const root = makeRoot();
    try {
      const figures: Figure[] = [];
      for (const container of CONTAINERS) figures.push(...(await run(container, root, context)));
      return figures;
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
