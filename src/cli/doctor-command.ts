import type { SystemReaderOptions } from '../doctor/system-readers.ts';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import type { Command } from './command.ts';
import { commonFlags } from './command-flags.ts';

const flag = (
  definition: Pick<FlagDefinition, 'name' | 'type' | 'help'> & Partial<FlagDefinition>,
): FlagDefinition => ({
  defaultValue: definition.type === 'bool' ? 'false' : '',
  group: 'command',
  ...definition,
});

export const doctorFlags: readonly FlagDefinition[] = [
  flag({
    name: 'socket',
    type: 'string',
    valueName: 'PATH',
    help: 'Extension socket of the osquery to ask (default: the one in its flags, else /var/osquery/osquery.em)',
  }),
  flag({
    name: 'ext',
    type: 'string',
    valueName: 'PATH',
    help: 'The extension that osqueryd should start (default: the one that its extensions_autoload names)',
  }),
  flag({
    name: 'repair',
    type: 'bool',
    help: 'Check nothing; undo what a killed instance has left in kernel audit',
  }),
  flag({
    name: 'watch',
    type: 'bool',
    help: 'Check again and again, and show what changes, what is lost, and figures, until Ctrl-C',
  }),
  flag({
    name: 'every',
    type: 'uint32',
    valueName: 'N',
    defaultValue: '5',
    minimum: 1n,
    maximum: 86_400n,
    help: 'Seconds between two rounds of --watch',
  }),
  flag({ name: 'json', type: 'bool', help: 'Write an array of {check, status, found, fix}' }),
];

/** Flags that say where to look, and not how osqueryd is started. */
const PLACES = new Set(['config_path', 'extensions_socket', 'extensions_autoload', 'verbose']);

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check everything that events depend on, and say what to do',
  usage:
    'doctor [--socket PATH] [--flagfile PATH] [--config_path PATH] [--ext PATH] [--repair] [--watch] [--json]',
  notes: [
    'It checks the host, the flags and configuration of osquery, the running osquery, auditd and kernel audit; then it runs one program and looks for its row. The exit status is 1 if there is a problem, else 0.',
    'Give the flags that osqueryd is started with, by --flagfile or one by one; without any, doctor reads /etc/osquery/osquery.flags.',
    'Run it as root: other users cannot see kernel audit. The test reads kernel audit only if no other process does, and leaves it as it was.',
    'With --repair it removes the kernel rules that a killed instance has left, and restores enabled, failure and backlog to the values that instance had found, as the next start of the extension would. Later changes by others stay. It refuses while an instance is running or another process has the audit socket, and ends with 0 only if all is well.',
    'With --watch it shows the report once, then every few seconds a line of figures, and above it what has changed, and what was lost with the setting to raise; with --json each round is one line. The program is run again only after a change. The exit status is that of the last round.',
  ],
  flags: doctorFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const { values } = flags;
    const [stray] = flags.positionals;
    if (stray !== undefined) throw new FlagError('usage', `doctor: unexpected argument ${quoteText(stray)}`);
    const own = new Set(doctorFlags.map(({ name }) => name));
    const given = new Map([...values].filter(([name]) => !own.has(name)));
    const json = values.get('json') === 'true';
    const watch = values.get('watch') === 'true';
    if (values.get('repair') === 'true') {
      if (watch) throw new FlagError('usage', 'doctor: --repair and --watch exclude each other: give one');
      return runRepairCommand(json);
    }
    const run = watch
      ? (args: DoctorArgs) => runWatchCommand(args, Number(values.get('every') ?? '5'))
      : runDoctorCommand;
    return run({
      socketPath: values.get('socket') || values.get('extensions_socket') || undefined,
      extension: values.get('ext') || undefined,
      given,
      isStart: [...given.keys()].some(name => !PLACES.has(name)),
      json,
    });
  },
};

export interface DoctorArgs extends SystemReaderOptions {
  readonly socketPath: string | undefined;
  readonly json: boolean;
}

/** Prints the report and resolves with the exit status: 1 if there is a problem. */
export const runDoctorCommand = async ({ socketPath, json, ...options }: DoctorArgs): Promise<number> => {
  const { runDoctor } = await import('../doctor/run-doctor.ts');
  const { systemReaders } = await import('../doctor/system-readers.ts');
  const { exitStatus, printJson, printReport } = await import('../doctor/print-report.ts');
  const stop = new AbortController();
  // If the self-test is interrupted, it first has to put audit back.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  const results = await runDoctor({ socketPath, readers: systemReaders(options, stop.signal) });
  process.stdout.write(json ? printJson(results) : printReport(results));
  return stop.signal.aborted ? 1 : exitStatus(results);
};

/** Prints what was repaired and resolves with the exit status: 0 only if everything is known to be right now. */
const runRepairCommand = async (json: boolean): Promise<number> => {
  const { runRepair } = await import('../doctor/repair/run-repair.ts');
  const { printJson, printReport } = await import('../doctor/print-report.ts');
  const results = await runRepair();
  process.stdout.write(json ? printJson(results) : printReport(results));
  return results.every(({ status }) => status === 'ok') ? 0 : 1;
};

/** Watches until a signal, and resolves with the exit status: 1 if there is a problem at the end. */
const runWatchCommand = async (
  { socketPath, json, ...options }: DoctorArgs,
  everySeconds: number,
): Promise<number> => {
  const { systemReaders } = await import('../doctor/system-readers.ts');
  const { exitStatus, printReport } = await import('../doctor/print-report.ts');
  const { readRunning } = await import('../doctor/watch/read-running.ts');
  const { roundJson, WatchPrinter } = await import('../doctor/watch/print-watch.ts');
  const { watchDoctor } = await import('../doctor/watch/watch-doctor.ts');
  const { styleOf } = await import('../runtime/terminal/style.ts');
  const { createTextSink, OutputClosedError } = await import('../runtime/terminal/text-sink.ts');
  const { STATUS_SIGPIPE } = await import('../shell/ending-signals.ts');
  const { setTimeout: sleep } = await import('node:timers/promises');
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  const out = createTextSink(process.stdout);
  const printer = new WatchPrinter(styleOf(process.stdout));
  try {
    const results = await watchDoctor({
      socketPath,
      readers: systemReaders(options, stop.signal),
      readRunning,
      signal: stop.signal,
      pause: () => sleep(everySeconds * 1000, undefined, { signal: stop.signal }).catch(() => {}),
      onFirst: results => out.write(json ? `${JSON.stringify(results)}\n` : `${printReport(results)}\n`),
      onRound: round => out.write(json ? roundJson(round) : printer.round(round)),
    });
    return exitStatus(results);
  } catch (error) {
    if (error instanceof OutputClosedError) return STATUS_SIGPIPE;
    throw error;
  }
};
