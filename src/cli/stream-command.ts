import { fstatSync } from 'node:fs';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import { listOf } from '../flags/list-of.ts';
import type { ReplayTimes } from '../ingest/replay/replay-times.ts';
import { liveEvents, readHostFacts } from '../runtime/host-facts.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import type { Command } from './command.ts';
import { commonFlags, replayFlags } from './command-flags.ts';
import { liveDefaults } from './core-source.ts';
import { dropPrivileges } from './drop-privileges.ts';
import { replayTimes } from './replay-times.ts';
import { SourceError } from './report-error.ts';

export const streamFlags: readonly FlagDefinition[] = [
  {
    name: 'fields',
    type: 'string',
    defaultValue: '',
    group: 'command',
    valueName: 'A,B,…',
    help: 'Write only these fields, in this order (default: all columns of process_telemetry_events)',
  },
  {
    name: 'pretty',
    type: 'bool',
    defaultValue: 'false',
    group: 'command',
    help: 'Write each event on several lines, indented',
  },
  ...replayFlags,
];

const STDOUT = 1;

export const streamCommand: Command = {
  name: 'stream',
  summary: 'complete process events as JSON Lines, as they happen',
  usage: 'stream [--fields A,B,…] [--pretty] [--replay FILE]',
  notes: [
    'One line of JSON for each program executed: the fields of process_telemetry_events, numbers as numbers, argv as an array; unknown values are null.',
    'A reader that is too slow loses events, and their number is printed on stderr; nothing else is held up.',
  ],
  flags: streamFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const [stray] = flags.positionals;
    if (stray !== undefined) throw new FlagError('usage', `stream: unexpected argument ${quoteText(stray)}`);
    const replay = flags.lists.get('replay') ?? [];
    const live = liveEvents(readHostFacts());
    if (replay.length === 0 && live.kind === 'impossible') {
      throw new SourceError(`no events to stream: ${live.why}; give --replay FILE`);
    }
    const warning = await dropPrivileges({
      isReplay: replay.length > 0,
      // A pipe on standard output is opened a second time.
      writes: fstatSync(STDOUT).isFIFO() ? [`/proc/self/fd/${STDOUT}`] : [],
    });
    return streamEvents({
      warning,
      replay,
      times: replayTimes(flags),
      values: new Map([...Object.entries(liveDefaults), ...flags.values]),
      fields: listOf(flags.values.get('fields')),
      pretty: flags.values.get('pretty') === 'true',
    });
  },
};

interface StreamRun {
  /** Logged before all else. */
  readonly warning: string | undefined;
  /** Files to read instead of the kernel. */
  readonly replay: readonly string[];
  readonly times: ReplayTimes | undefined;
  /** Flags by name. */
  readonly values: ReadonlyMap<string, string>;
  readonly fields: readonly string[];
  readonly pretty: boolean;
}

/** Runs the stream on this process's standard output until a signal ends it; resolves with the exit status. */
const streamEvents = async ({
  warning: first,
  replay,
  times,
  values,
  fields,
  pretty,
}: StreamRun): Promise<number> => {
  const { readAuditSettings } = await import('../flags/audit-settings.ts');
  const { kernelFeed, replayFeed } = await import('../ingest/process-feed.ts');
  const { runStream } = await import('../ingest/run-stream.ts');
  const { openOutput } = await import('../model/json/open-output.ts');
  process.title = PROGRAM;
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const warn = (message: string): void => {
    process.stderr.write(`${PROGRAM}: ${message}\n`);
  };
  if (first !== undefined) warn(first);
  // Only process events are read.
  const { settings, warnings } = readAuditSettings(
    new Map([...values, ['audit_allow_sockets', 'false'], ['audit_allow_user_events', 'false']]),
  );
  for (const warning of warnings) warn(warning);
  const isReplay = replay.length > 0;
  return runStream({
    origin: isReplay ? 'replay' : 'live',
    feed: isReplay ? replayFeed(replay, settings, warn, times) : kernelFeed(settings, warn),
    fields,
    pretty,
    output: openOutput(),
    warn,
    signal: stop.signal,
    limits: { budgetMs: settings.limits.telemetryBudgetMilliseconds },
    services: {
      forkEvents: settings.allowForkProcessEvents,
      hashLimits: { maxFileBytes: settings.limits.hashFileBytes },
    },
  });
};
