import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { archNumber } from '../../../src/audit/architectures/arch-names.ts';
import { syscallName } from '../../../src/audit/syscalls.ts';
import { messageOf } from '../../../src/runtime/message-of.ts';
import { processEvents } from '../../../tables/process_events.ts';
import { socketEvents } from '../../../tables/socket_events.ts';
import { auditOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import type { Program } from '../../bench/program.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { rowsOf } from '../rows-of.ts';

const { EPERM, ENOSYS, EACCES } = constants.errno;
const LAUNCHER = fileURLToPath(new URL('../with-seccomp.ts', import.meta.url));
const EVENTS = 20;
const MAX_NUMBER = 1_024;

interface Filter {
  readonly errno: number;
  /** System calls, by name; `socket` with the number of a netlink protocol behind it. */
  readonly calls: readonly string[];
  /** Without it there are no events, which has to be said. */
  readonly isNeeded?: true;
}

/** What container runtimes, systemd's SystemCallFilter= and RestrictAddressFamilies= or old kernels refuse. */
const FILTERS: readonly Filter[] = [
  { errno: EPERM, calls: ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] },
  { errno: ENOSYS, calls: ['clone3', 'openat2', 'close_range', 'faccessat2', 'statx'] },
  { errno: EPERM, calls: ['pidfd_open', 'pidfd_getfd', 'pidfd_send_signal', 'setns'] },
  {
    errno: EPERM,
    calls: ['execveat', 'memfd_create', 'kcmp', 'ptrace', 'process_vm_readv', 'perf_event_open'],
  },
  { errno: EPERM, calls: ['capset', 'prctl', 'setpriority', 'flock'] },
  { errno: EPERM, calls: ['statfs', 'fstatfs', 'name_to_handle_at', 'mount', 'umount2', 'unshare'] },
  // NETLINK_SOCK_DIAG, NETLINK_CONNECTOR
  { errno: EACCES, calls: ['socket:4', 'socket:11'] },
  // NETLINK_AUDIT
  { errno: EACCES, calls: ['socket:9'], isNeeded: true },
  { errno: EPERM, calls: ['recvmmsg'], isNeeded: true },
];

const numbers = new Map<string, number>();
for (let number = 0; number < MAX_NUMBER; number++) {
  const name = syscallName(archNumber(process.arch === 'arm64' ? 'AARCH64' : 'X86_64'), number);
  if (name !== undefined) numbers.set(name, number);
}

const within = ({ errno, calls }: Filter, { file, args, name }: Program): Program => ({
  file: process.execPath,
  args: [
    '--conditions=source',
    LAUNCHER,
    String(errno),
    ...calls.map(call => call.replace(/^\w+/, found => String(numbers.get(found)!))),
    '--',
    file,
    ...args,
  ],
  name,
});

const run = async (filter: Filter, { program, note }: BenchContext): Promise<Figure> => {
  const name = `without ${filter.calls.join(', ')}`;
  const { isNeeded = false } = filter;
  note(`seccomp: ${name}`);
  let extension: SupervisedExtension;
  try {
    extension = await SupervisedExtension.start(
      {
        ...auditOptions,
        audit_allow_sockets: 'true',
        logger_plugin: 'filesystem',
        custom_audit_state_dir: 'none',
      },
      within(filter, program),
    );
  } catch (error) {
    // It has ended at once.
    note(messageOf(error));
    return noEvents(name, isNeeded && /audit/.test(messageOf(error)));
  }
  await using _ = extension;
  await using execs = await Load.prepare('execs', EVENTS, 0);
  await using connects = await Load.prepare('connects', EVENTS, 0);
  await execs.run();
  await connects.run();
  if (!isNeeded) await extension.settled();
  const { last_error } = await extension.status();
  const rows =
    (await rowsOf(extension, processEvents.spec, 'parent', execs.pid)) +
    (await rowsOf(extension, socketEvents.spec, 'pid', connects.pid));
  for (const said of new Set([last_error, ...extension.core.logged, ...extension.stderr.split('\n')])) {
    if (said !== undefined && said !== '') note(said);
  }
  if (isNeeded) return noEvents(name, rows === 0 && last_error !== undefined && last_error !== '');
  return { name, value: rows, unit: 'rows', goal: { atLeast: 2 * EVENTS } };
};

const noEvents = (name: string, isSaid: boolean): Figure => ({
  name: `${name}: no events, and it says why`,
  value: Number(isSaid),
  unit: '',
  goal: { atLeast: 1 },
});

export const seccomp: Scenario = {
  name: 'seccomp',
  title: 'system calls of the extension that seccomp refuses, a few at a time',
  needsAudit: true,
  run: async context => {
    const figures: Figure[] = [];
    for (const filter of FILTERS) figures.push(await run(filter, context));
    return figures;
  },
};
