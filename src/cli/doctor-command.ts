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
    help: 'Ask the osquery that runs with this extension socket (else the one of its flags, else /var/osquery/osquery.em)',
  }),
  flag({
    name: 'ext',
    type: 'string',
    valueName: 'PATH',
    help: 'The extension that osqueryd is to start (else the one that its extensions_autoload names)',
  }),
  flag({
    name: 'repair',
    type: 'bool',
    help: 'Check nothing; put audit back as it was before an instance that was killed',
  }),
  flag({ name: 'json', type: 'bool', help: 'Write an array of {check, status, found, fix}' }),
];

/** Flags that say where to look, not how osqueryd is started. */
const PLACES = new Set(['config_path', 'extensions_socket', 'extensions_autoload', 'verbose']);

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check everything that events depend on, and say what to do',
  usage: 'doctor [--socket PATH] [--flagfile PATH] [--config_path PATH] [--ext PATH] [--repair] [--json]',
  notes: [
    'It looks at the host, at the flags and configuration of osquery, at the running osquery, at auditd and kernel audit, runs one program and looks for its row. It ends with status 1 if there is a problem, else with 0.',
    "osquery's flags given here, by --flagfile or one by one, are taken for those that osqueryd is started with; without any, the flags in /etc/osquery/osquery.flags are.",
    'Run it as root: other users cannot see kernel audit. The test reads kernel audit itself only while nobody else does, and leaves it as it was.',
    'With --repair it takes the rules out of the kernel that a killed instance has left, and sets enabled, failure and backlog to what that one had found, as the next start of the extension would. What others have changed since stays. It refuses while an instance is running or another process has the audit socket, and ends with 0 only if all is well.',
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
    if (values.get('repair') === 'true') return runRepairCommand(json);
    return runDoctorCommand({
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
  // An interrupted self-test has to put audit back first.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  const results = await runDoctor({ socketPath, readers: systemReaders(options, stop.signal) });
  process.stdout.write(json ? printJson(results) : printReport(results));
  return stop.signal.aborted ? 1 : exitStatus(results);
};

/** Prints what was repaired and resolves with the exit status: 0 only if all is known to be well now. */
const runRepairCommand = async (json: boolean): Promise<number> => {
  const { runRepair } = await import('../doctor/repair/run-repair.ts');
  const { printJson, printReport } = await import('../doctor/print-report.ts');
  const results = await runRepair();
  process.stdout.write(json ? printJson(results) : printReport(results));
  return results.every(({ status }) => status === 'ok') ? 0 : 1;
};
