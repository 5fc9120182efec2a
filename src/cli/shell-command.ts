import { fileURLToPath } from 'node:url';
import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { CUSTOM_PREFIX } from '../flags/custom-options.ts';
import { FlagError } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';
import { liveEvents, readHostFacts, recordedLogs } from '../runtime/host-facts.ts';
import type { Command } from './command.ts';
import type { OutputMode } from './command-flags.ts';
import { commonFlags, outputModes, shellFlags } from './command-flags.ts';
import { ownExtension } from './own-extension.ts';
import { replayTimeArguments, replayTimes } from './replay-times.ts';
import { SourceError } from './report-error.ts';

/** The shell's own defaults for live events: someone who opens it as root wants to see events. */
export const liveDefaults: Readonly<Record<string, string>> = { audit_allow_config: 'true' };

/**
 * The shell's own defaults for recorded events: someone who replays a file wants all of it, so only the disk bounds
 * it, and events do not expire.
 */
export const replayDefaults: Readonly<Record<string, string>> = {
  events_max: '1000000000000',
  custom_audit_buffer_bytes: '17179869184',
};

/**
 * The defaults in osquery's guide for the audit and event flags. They are passed on because the embedded core has the
 * defaults of osquery 5.23, where `events_expiry` and `events_max` differ.
 */
const documentedDefaults = [...auditFlags, ...eventFlags].map(
  ({ name, defaultValue }) => [name, defaultValue] as const,
);

/** A shell shows what happens from now on, and keeps nothing on disk. */
const SHELL_DEFAULTS = [[`${CUSTOM_PREFIX}state_dir`, 'none']] as const;

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
    const source = await chooseSource(flags);
    if (sql === undefined && source.replay.some(path => STANDARD_INPUT.has(path))) {
      throw new FlagError('usage', '--replay -: standard input is the log, so give the SQL as an argument');
    }
    const coreFlags = new Map([
      ...documentedDefaults,
      ...SHELL_DEFAULTS,
      ...Object.entries(source.defaults),
      ...coreValues(flags),
    ]);
    // With false, core would tell the extension that core itself reads the audit socket; the embedded core cannot.
    coreFlags.set('disable_audit', 'true');
    const extensionArgs = [
      ...source.replay.map(path => `--replay=${path}`),
      ...replayTimeArguments(replayTimes(flags)),
    ];
    const { runShell } = await import('../shell/run-shell.ts');
    if (source.replay.length > 0) {
      // An answer can be as large as the recorded log.
      const { BESIDE_OTHERS, settleMemory } = await import('../runtime/memory.ts');
      settleMemory(BESIDE_OTHERS);
    }
    return runShell({
      coreFlags,
      extension: ownExtension(extensionArgs),
      readsFiles: source.replay.length > 0,
      mode,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      ...(sql === undefined ? {} : { sql }),
    });
  },
};

const outputMode = (flags: ParsedFlags): OutputMode => {
  const chosen = outputModes.filter(mode => flags.values.get(mode) === 'true');
  if (chosen.length > 1) {
    throw new FlagError(
      'usage',
      `${chosen.map(mode => `--${mode}`).join(' and ')} exclude each other: give one`,
    );
  }
  return chosen[0] ?? 'table';
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

const coreValues = (flags: ParsedFlags): [string, string][] => {
  const own = new Set(shellFlags.map(flag => flag.name));
  return [...flags.values].filter(([name]) => !own.has(name));
};

interface ShellSource {
  /** Files to replay; empty: the kernel. */
  readonly replay: readonly string[];
  readonly defaults: Readonly<Record<string, string>>;
}

/** Prints a line on stderr if recorded events stand in for live ones. */
const chooseSource = async (flags: ParsedFlags): Promise<ShellSource> => {
  const given = flags.lists.get('replay') ?? [];
  if (given.length > 0) {
    const { checkReplay } = await import('../ingest/replay/open-replay.ts');
    for (const path of given) await checkReplay(path);
    return { replay: given, defaults: replayDefaults };
  }
  const live = liveEvents(readHostFacts());
  if (live.kind === 'possible') return { replay: [], defaults: liveDefaults };
  const recorded = recordedLogs(fileURLToPath(new URL('../../fixtures', import.meta.url)));
  if (recorded.length === 0) {
    throw new SourceError(`no events to show: ${live.why}; give --replay FILE`);
  }
  process.stderr.write(`Showing the recorded events in fixtures/: ${live.why}.\n`);
  return { replay: recorded, defaults: replayDefaults };
};
