import { fstatSync } from 'node:fs';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import { listOf } from '../flags/list-of.ts';
import { liveEvents, readHostFacts } from '../runtime/host-facts.ts';
import type { Command } from './command.ts';
import { commonFlags, replayFlags } from './command-flags.ts';
import { dropPrivileges } from './drop-privileges.ts';
import { replayTimes } from './replay-times.ts';
import { liveDefaults } from './shell-command.ts';
import { SourceError } from './source-error.ts';

export const streamFlags: readonly FlagDefinition[] = [
  {
    name: 'fields',
    type: 'string',
    defaultValue: '',
    group: 'command',
    valueName: 'A,B,…',
    help: 'Write just these fields, in this order (else all columns of process_telemetry_events)',
  },
  {
    name: 'pretty',
    type: 'bool',
    defaultValue: 'false',
    group: 'command',
    help: 'Write each event over several lines, for people',
  },
  ...replayFlags,
];

const STDOUT = 1;

export const streamCommand: Command = {
  name: 'stream',
  summary: 'complete process events as JSON Lines, as they happen',
  usage: 'stream [--fields A,B,…] [--pretty] [--replay FILE]',
  notes: [
    'One JSON object a line for each program executed: the fields of process_telemetry_events, numbers as numbers, argv as an array; what could not be had is null.',
    'A reader that is too slow loses events rather than hold up anything; how many is told on stderr.',
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
      // A pipe on standard output is opened once more.
      writes: fstatSync(STDOUT).isFIFO() ? [`/proc/self/fd/${STDOUT}`] : [],
    });
    const { streamEvents } = await import('./stream.ts');
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
