import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { coreFlags } from '../flags/core-flags.ts';
import { customOptions } from '../flags/custom-options.ts';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import { stockFlags } from '../flags/stock-flags.ts';

/** osquery's flags and ours, as every command takes them. */
export const commonFlags = [auditFlags, eventFlags, customOptions, coreFlags, stockFlags] as const;

const command = (
  name: string,
  type: FlagDefinition['type'],
  defaultValue: string,
  help: string,
): FlagDefinition => ({
  name,
  type,
  defaultValue,
  group: 'command',
  help,
});

/** dispatch reads these before all other flags; they are listed here for the help text. */
export const helpFlags: readonly FlagDefinition[] = [
  command('help', 'bool', 'false', 'Show this text; --help=all shows hidden flags too'),
  command('version', 'bool', 'false', 'Show the version'),
  {
    ...command(
      'flagfile',
      'string',
      '',
      'Read flags from FILE, one a line; may be given again, and within a flagfile',
    ),
    valueName: 'FILE',
  },
];

export const replayFlag: FlagDefinition = {
  ...command(
    'replay',
    'string',
    '',
    'Take events from FILE instead of the kernel: an audit log, also compressed, or inside syslog, a journal export or JSON; a BSM trail; a directory of rotated logs or trails; - for standard input. May be repeated: all files are one stream',
  ),
  valueName: 'FILE',
  repeatable: true,
};

const time = (name: string, help: string): FlagDefinition => ({
  ...command(name, 'string', '', help),
  valueName: 'TIME',
});

/** The files to replay, and the time range of their events. */
export const replayFlags: readonly FlagDefinition[] = [
  replayFlag,
  time(
    'since',
    'Leave out recorded events before TIME: 2026-11-30, 2026-11-30T13:00, seconds since the epoch, or 2h for two hours ago',
  ),
  time('until', 'Leave out recorded events after TIME'),
];

/** SDKs use these names for osquery's own `extensions_socket`, `extensions_timeout` and `extensions_interval`. */
export const extensionFlags: readonly FlagDefinition[] = [
  { ...command('socket', 'string', '', "Path of osquery's extension socket"), valueName: 'PATH' },
  command('timeout', 'uint32', '3', 'Seconds to wait for the socket'),
  command('interval', 'uint32', '3', 'Seconds between checks that osquery still lives'),
  ...replayFlags,
];

/** Output forms of the shell; without one of them it prints a table. */
export const outputModes = ['json', 'csv', 'line'] as const;
export type OutputMode = 'table' | (typeof outputModes)[number];

const csvAndLine: readonly FlagDefinition[] = [
  command('csv', 'bool', 'false', 'Write rows as CSV, fields separated by "|"'),
  command('line', 'bool', 'false', 'Write one line for each column'),
];

export const shellFlags: readonly FlagDefinition[] = [
  command('json', 'bool', 'false', 'Write rows as a JSON array'),
  ...csvAndLine,
  ...replayFlags,
];

/** A running osquery, instead of events of one's own. */
const runningFlag: FlagDefinition = {
  ...command(
    'socket',
    'string',
    '',
    'Ask the osquery that has this extension socket, such as /var/osquery/osquery.em, for what its extension has buffered',
  ),
  valueName: 'PATH',
};

export const tailFlags: readonly FlagDefinition[] = [
  command('json', 'bool', 'false', 'Write each row as one line of JSON, with all columns'),
  ...csvAndLine,
  { ...command('last', 'uint32', '10', 'Show the newest N rows first'), valueName: 'N' },
  runningFlag,
  ...replayFlags,
];

export const treeFlags: readonly FlagDefinition[] = [
  {
    ...command('seconds', 'uint32', '10', 'Record the events of the kernel for N seconds, or until Ctrl-C'),
    valueName: 'N',
    maximum: 86_400n,
  },
  runningFlag,
  ...replayFlags,
];

export const topFlags: readonly FlagDefinition[] = [
  {
    ...command('every', 'uint32', '2', 'Seconds of each picture'),
    valueName: 'N',
    minimum: 1n,
    maximum: 3_600n,
  },
  {
    ...command('rounds', 'uint32', '0', 'End after N pictures; 0: at Ctrl-C'),
    valueName: 'N',
  },
  { ...command('rows', 'uint32', '15', 'Programs of a picture at most'), valueName: 'N', minimum: 1n },
  command('json', 'bool', 'false', 'Write each picture as one line of JSON'),
  ...replayFlags,
];

export const bsmFlags: readonly FlagDefinition[] = [
  command('json', 'bool', 'false', 'Write each record as one line of JSON'),
  { ...command('delimiter', 'string', ',', 'Separator between the fields of a token'), valueName: 'TEXT' },
];

export const daemonFlags: readonly FlagDefinition[] = [
  {
    ...command(
      'schedule',
      'string',
      '',
      'Run the configuration or pack in FILE instead of --config_path; may be given again',
    ),
    valueName: 'FILE',
    repeatable: true,
  },
  {
    ...command('every', 'uint32', '', 'Run each query every N seconds instead of at its own interval'),
    valueName: 'N',
    minimum: 1n,
  },
  {
    ...command(
      'config_delay',
      'uint32',
      '0',
      'Read the configuration N seconds after the extensions have started, as late as a fleet manager may answer',
    ),
    valueName: 'N',
  },
  {
    ...command(
      'extensions_autoload',
      'string',
      '',
      'File that lists the extensions to start, as for osqueryd; without it, this program itself is the extension',
    ),
    valueName: 'FILE',
  },
  ...replayFlags,
];
