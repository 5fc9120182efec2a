import { FlagError } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';
import type { Command } from './command.ts';
import { commonFlags, shellFlags } from './command-flags.ts';
import { coreOnEvents } from './core-source.ts';
import { outputMode } from './output-mode.ts';

export const shellCommand: Command = {
  name: 'shell',
  summary: 'SQL over the event tables, with an embedded osquery core',
  usage: 'shell [flags] [SQL]',
  notes: [
    'With SQL it runs that and ends. Without it, it reads statements from the terminal or from standard input, and records events from the start.',
    'Events come from the files of --replay if any are given, else from the kernel if this process may read them, else from the recordings in fixtures/.',
    `On kernel events the shell has one default of its own: --audit_allow_config is true. On recorded ones --events_max and custom_audit_buffer_bytes bound nothing unless they are given: what does not fit into memory goes to a temporary file, and nothing expires. --disable_audit changes nothing here: there is no native publisher that could take the events.`,
  ],
  flags: shellFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const mode = outputMode(flags);
    const sql = onlySql(flags);
    if (sql === undefined && (flags.lists.get('replay') ?? []).some(path => STANDARD_INPUT.has(path))) {
      throw new FlagError('usage', '--replay -: standard input is the log, so give the SQL as an argument');
    }
    const events = await coreOnEvents(flags, shellFlags);
    const { runShell } = await import('../shell/run-shell.ts');
    return runShell({
      ...events,
      mode,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      ...(sql === undefined ? {} : { sql }),
    });
  },
};

const onlySql = (flags: ParsedFlags): string | undefined => {
  if (flags.positionals.length > 1) {
    throw new FlagError(
      'usage',
      `expected one SQL text, got ${flags.positionals.length} arguments: put quotes around the SQL`,
    );
  }
  return flags.positionals[0];
};
