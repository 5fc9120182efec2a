import { eventTables } from '../../tables/index.ts';
import { auditSwitches } from '../flags/audit-flags.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import { createTextSink } from '../runtime/terminal/text-sink.ts';
import type { TailRequest } from '../shell/events/tail-request.ts';
import type { SqlSource } from '../shell/sql-source.ts';
import type { Command } from './command.ts';
import { commonFlags, tailFlags } from './command-flags.ts';
import { coreOnEvents } from './core-source.ts';
import { outputMode } from './output-mode.ts';
import { onRunningOsquery } from './running-osquery.ts';
import { stdoutSettings } from './terminal-output.ts';

export const tailCommand: Command = {
  name: 'tail',
  summary: 'rows of an event table as they come',
  usage: 'tail [flags] [TABLE [COLUMNS] [WHERE …]]',
  notes: [
    "Such as: tail socket_events, or: tail process_events pid,cmdline WHERE uid = 0. Put quotes around what the terminal's own shell would take apart. Without a table it shows process_events.",
    'It takes events as the shell does, and records what the table needs. With --socket it asks a running osquery instead, which may have buffered them already.',
    'On a terminal a line is cut where the window ends; --line, --json or a pipe show everything.',
  ],
  flags: tailFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const { parseTail } = await import('../shell/events/tail-request.ts');
    const text = flags.positionals.join(' ') || 'process_events';
    const request = parseTail(text);
    if (request === undefined)
      throw new FlagError(
        'usage',
        `tail: expected a table, then perhaps columns and a WHERE, as in process_events pid,cmdline WHERE uid = 0, got ${quoteText(text)}`,
      );
    // These are checked before anything is started.
    const settings = stdoutSettings(outputMode(flags));
    const last = Number(flags.values.get('last') ?? '10');
    const follow = (source: SqlSource, signal: AbortSignal): Promise<number> =>
      followRows({ source, request, settings, last, signal });
    const socket = flags.values.get('socket');
    if (socket !== undefined && socket !== '') return onRunningOsquery(socket, follow);
    const events = await coreOnEvents(flags, tailFlags, defaultsFor(request.table));
    const { runOnCore } = await import('../shell/run-core.ts');
    const { coreSource } = await import('../shell/sql-source.ts');
    return runOnCore(events, ({ core, signals }) => follow(coreSource(core), signals.ending));
  },
};

/** A table that is asked for is recorded. */
const defaultsFor = (name: string): Readonly<Record<string, string>> => {
  const table = eventTables.find(({ spec }) => spec.name === name.toLowerCase());
  return table === undefined ? {} : { [auditSwitches[table.flag].name]: 'true' };
};

interface Follow {
  readonly source: SqlSource;
  readonly request: TailRequest;
  readonly settings: ReturnType<typeof stdoutSettings>;
  readonly last: number;
  readonly signal: AbortSignal;
}

const followRows = async ({ source, request, settings, last, signal }: Follow): Promise<number> => {
  const { tail } = await import('../shell/events/tail.ts');
  const { tailColumns, tailPrinter } = await import('../shell/events/tail-printer.ts');
  const columns = await tailColumns(source, request, settings);
  const print = tailPrinter(columns, settings, false);
  const out = createTextSink(process.stdout);
  await tail({ source, request, columns, last, signal, onRows: rows => out.write(print(rows)) });
  return 0;
};
