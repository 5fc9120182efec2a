import type { FlagDefinition } from '../flags/flag-definition.ts';
import { numberRange } from '../flags/flag-range.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import type { Command } from './command.ts';
import { helpFlags } from './command-flags.ts';

const LINE_WIDTH = 100;
/** Column where a flag's description starts; longer names get a line of their own. */
const DESCRIPTION_COLUMN = 36;

export interface HelpOptions {
  /** Also hidden flags, and osquery's flags that have no effect here. */
  readonly all: boolean;
}

/** The text of `--help` without a command. osquery's flags of the extension are shown only with `all`. */
export const programHelp = (commands: readonly Command[], options: HelpOptions): string => {
  const named = commands.filter(command => command.name !== '' && command.isInternal !== true);
  const extension = commands.filter(command => command.name === '');
  return lines([
    `${PROGRAM}: process, socket, user, file and security events for osquery`,
    '',
    'Usage:',
    ...[...named, ...extension].map(command => `  ${PROGRAM} ${command.usage}`),
    '',
    ...named.map(command => twoColumns(`  ${command.name}`, command.summary)),
    ...extension.map(command => twoColumns('  (no command)', command.summary)),
    '',
    `"${PROGRAM} COMMAND --help" lists the flags of a command.`,
    ...extension.flatMap(command =>
      commandBody(options.all ? command : { ...command, flagGroups: [] }, options),
    ),
  ]);
};

/** The text of `COMMAND --help`. */
export const commandHelp = (command: Command, options: HelpOptions): string =>
  lines([
    `${PROGRAM} ${command.name}: ${command.summary}`,
    '',
    'Usage:',
    `  ${PROGRAM} ${command.usage}`,
    ...commandBody(command, options),
  ]);

const commandBody = (command: Command, options: HelpOptions): string[] => [
  ...command.notes.flatMap(note => ['', wrap(note, 0)]),
  ...section('Flags:', [...command.flags, ...helpFlags], options),
  ...Object.entries(groupTitles).flatMap(([group, title]) =>
    section(
      title,
      command.flagGroups.flat().filter(flag => flag.group === group),
      options,
    ),
  ),
];

const groupTitles: Readonly<Partial<Record<FlagDefinition['group'], string>>> = {
  audit: "What is recorded (osquery's flags):",
  events: "How long events are kept (osquery's flags):",
  custom: 'Limits of our own (in an osquery configuration: under "options"):',
  core: "The embedded osquery core (osquery's flags):",
  stock: 'Read and checked, because an osquery.flags file may hold them; no effect here:',
};

const section = (title: string, flags: readonly FlagDefinition[], options: HelpOptions): string[] => {
  const shown = flags.filter(flag => flag.aliasOf === undefined && (options.all || flag.hidden !== true));
  if (shown.length === 0) return [];
  if (shown[0]?.group === 'stock') return ['', title, wrap(shown.map(flag => flag.name).join(' '), 2)];
  return ['', title, ...shown.map(flag => twoColumns(`  ${spelling(flag)}`, description(flag)))];
};

const spelling = (flag: FlagDefinition): string =>
  flag.type === 'bool' ? `--${flag.name}` : `--${flag.name} ${flag.valueName ?? 'VALUE'}`;

const description = (flag: FlagDefinition): string => {
  if (flag.defaultValue === '' || (flag.group === 'command' && flag.type === 'bool')) return flag.help;
  const isBounded = flag.minimum !== undefined && flag.maximum !== undefined;
  const range = isBounded ? `; ${numberRange(flag)}` : '';
  return `${flag.help} (default ${flag.defaultValue}${range})`;
};

const twoColumns = (left: string, right: string): string => {
  const body = wrap(right, DESCRIPTION_COLUMN);
  return left.length + 2 > DESCRIPTION_COLUMN ? `${left}\n${body}` : left + body.slice(left.length);
};

const wrap = (text: string, indent: number): string => {
  const rows: string[] = [];
  let row = '';
  for (const word of text.split(' ')) {
    if (row !== '' && indent + row.length + 1 + word.length > LINE_WIDTH) {
      rows.push(row);
      row = word;
    } else {
      row = row === '' ? word : `${row} ${word}`;
    }
  }
  rows.push(row);
  return rows.map(line => ' '.repeat(indent) + line).join('\n');
};

const lines = (rows: readonly string[]): string => `${rows.join('\n')}\n`;
