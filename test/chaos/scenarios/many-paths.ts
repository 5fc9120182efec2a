import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { writeSmallestProgram } from '../smallest-program.ts';

const SOCKETS = 1_000_000;
const SOCKETS_PER_SECOND = 20_000;
const WAYS = 1_000;
const PROGRAMS = 100;
const PROGRAMS_PER_SECOND = 1_500;
const EVENTS_MAX = 20_000;

/** So many programs, each another file, and so many ways to each of them. */
const makePrograms = (directory: string): void => {
  chmodSync(directory, 0o755);
  const programs = join(directory, 'programs');
  mkdirSync(programs);
  for (let i = 0; i < PROGRAMS; i++) writeSmallestProgram(join(programs, String(i)));
  for (let i = 0; i < WAYS; i++) symlinkSync('programs', join(directory, String(i)));
};

const run = async ({ program }: BenchContext): Promise<readonly Figure[]> => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'chaos-')));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  makePrograms(directory);
  const { custom_audit_buffer_bytes: _, ...options } = auditOptions;
  const extension = cleanup.use(
    await SupervisedExtension.start(
      {
        ...options,
        audit_allow_sockets: 'true',
        audit_allow_unix: 'true',
        audit_allow_failed_socket_events: 'true',
        events_max: String(EVENTS_MAX),
        custom_audit_state_dir: 'none',
      },
      program,
    ),
  );
  using watch = new MemoryWatch(extension.pid);
  const before = await extension.status();
  const load = async (kind: 'unix-paths' | 'program-paths', count: number, perSecond: number) => {
    const running = cleanup.use(await Load.prepare(kind, count, perSecond, directory));
    const { seconds } = await running.run();
    await extension.settled(60_000);
    return { perSecond: count / seconds, peak: watch.peak };
  };
  const sockets = await load('unix-paths', SOCKETS, SOCKETS_PER_SECOND);
  const programs = await load('program-paths', WAYS * PROGRAMS, PROGRAMS_PER_SECOND);
  const status = await extension.status();
  const since = (name: string): number => Number(status[name]) - Number(before[name]);
  const lost = since('kernel_lost') + since('serial_gaps');
  return [
    { name: 'paths of sockets', value: SOCKETS, unit: '' },
    { name: '… a second', value: sockets.perSecond, unit: '/s' },
    { name: 'memory of all its processes, peak', value: sockets.peak, unit: 'MB', goal: { atMost: 200 } },
    { name: 'paths of programs', value: WAYS * PROGRAMS, unit: '' },
    { name: '… a second', value: programs.perSecond, unit: '/s' },
    { name: 'memory of all its processes, peak', value: programs.peak, unit: 'MB', goal: { atMost: 200 } },
    { name: 'events', value: since('events'), unit: '', goal: { atLeast: SOCKETS + WAYS * PROGRAMS - lost } },
    { name: 'lost, and counted', value: lost, unit: '' },
    { name: 'malformed records', value: since('malformed_records'), unit: '', goal: { atMost: 0 } },
  ];
};

export const manyPaths: Scenario = {
  name: 'many-paths',
  title: `sockets of ${SOCKETS.toLocaleString('en-US')} different paths, and programs run by ${(WAYS * PROGRAMS).toLocaleString('en-US')}`,
  needsAudit: true,
  run,
};
