import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import { cpuSeconds } from '../../bench/process-usage.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { selectRequest } from '../../bench/select-request.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { writeSmallestProgram } from '../smallest-program.ts';
import { Undo } from '../undo.ts';

const GROUPS = 100_000;
/** Programs that live at the same time: each is there for some 20 ms. */
const LIVING = 20;
const EVENTS_MAX = 20_000;
/** Seconds of programs, and of all that the load does. */
const PROGRAMS_S = 100;
const TIMEOUT_S = 200;
const REMOVE = 'find "$1" -depth -type d -exec rmdir {} +';

/** Makes all groups, then begins a program in each (CLONE_INTO_CGROUP) for as long as there is time. Prints how many it has begun. */
const PROGRAM = `
  use Fcntl;
  my ($root, $count, $living, $seconds, $program) = @ARGV;
  my @groups = map { sprintf "%s/docker-%064x.scope", $root, $_ } 1 .. $count;
  for (@groups) { mkdir $_ or die "$_: $!" }
  my $until = time + $seconds;
  my (@pids, $begun);
  my $end = sub { kill KILL => $_[0]; waitpid $_[0], 0 };
  for my $group (@groups) {
    last if time > $until;
    sysopen(my $opened, $group, O_RDONLY | O_DIRECTORY) or die "$group: $!";
    my $arguments = pack "Q11", 0x200000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, fileno $opened; # struct clone_args
    my $pid = syscall 435, $arguments, length $arguments;
    die "clone3: $!" if $pid < 0;
    if ($pid == 0) { exec { $program } $program; die "$program: $!" }
    push @pids, $pid;
    $begun++;
    $end->(shift @pids) if @pids > $living;
  }
  $end->($_) for @pids;
  print $begun;`;

/** Where version 2 is mounted; undefined where it is not. */
const unifiedRoot = (): string | undefined =>
  /^\S+ (\S+) cgroup2 rw/m.exec(readFileSync('/proc/mounts', 'latin1'))?.[1];

const run = async ({ program, note }: BenchContext): Promise<readonly Figure[]> => {
  const unified = unifiedRoot();
  if (unified === undefined) {
    note('left out: there is no cgroup2');
    return [];
  }
  const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  const executable = join(directory, 'waits');
  writeSmallestProgram(executable, 'waits');
  const root = join(unified, `osquery-audit-chaos-${process.pid}`);
  const slice = join(root, 'system.slice');
  mkdirSync(slice, { recursive: true });
  cleanup.use(new Undo(REMOVE, root));
  const { custom_audit_buffer_bytes: _, ...options } = processOptions;
  const extension = cleanup.use(
    await SupervisedExtension.start(
      { ...options, events_max: String(EVENTS_MAX), custom_audit_state_dir: 'none' },
      program,
    ),
  );
  using watch = new MemoryWatch(extension.pid);
  const before = await extension.status();
  const [began, cpuBefore] = [performance.now(), cpuSeconds(extension.pid)];
  const args = [slice, GROUPS, LIVING, PROGRAMS_S, executable].map(String);
  const child = spawn('perl', ['-e', PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_S * 1000,
  });
  let begun = '';
  child.stdout.setEncoding('latin1').on('data', text => {
    begun += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the programs ended early, with status ${code}`);
  const programs = Number(begun);
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuSeconds(extension.pid) - cpuBefore;
  await extension.settled(60_000);
  const columns = ['process_path', 'container_id'];
  const { context } = selectRequest(processTelemetryEvents.spec, { columns });
  const rows = (await extension.core.generate(processTelemetryEvents.spec.name, JSON.parse(context!))).filter(
    ({ process_path }) => process_path === executable,
  );
  const status = await extension.status();
  const since = (name: string): number => Number(status[name]) - Number(before[name]);
  const lost = since('kernel_lost') + since('serial_gaps');
  return [
    { name: 'groups', value: GROUPS, unit: '' },
    { name: 'programs, each in another', value: programs, unit: '', goal: { atLeast: LIVING } },
    { name: 'events', value: since('events'), unit: '', goal: { atLeast: programs - lost } },
    { name: 'lost, and counted', value: lost, unit: '' },
    { name: 'rows that are kept', value: rows.length, unit: 'rows' },
    {
      name: '… with the id of their container',
      value: rows.filter(({ container_id }) => (container_id ?? '') !== '').length,
      unit: 'rows',
    },
    { name: 'CPU of the extension', value: (cpu / seconds) * 100, unit: '%' },
    { name: 'memory of all its processes, peak', value: watch.peak, unit: 'MB', goal: { atMost: 200 } },
  ];
};

export const manyCgroups: Scenario = {
  name: 'many-cgroups',
  title: `${GROUPS.toLocaleString('en-US')} control groups, named as those of containers, and a program in each, for ${PROGRAMS_S} s`,
  needsAudit: true,
  run,
};
