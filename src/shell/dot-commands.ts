/** The shell's commands, named as in osquery's. */

import { createTableStatement } from '../core/sql/table-definition.ts';
import { messageOf } from '../runtime/message-of.ts';
import { type CommandSession, type DotCommand, type InputOutcome, wrong } from './command-session.ts';
import { explainCommand } from './commands/explain.ts';
import { tailCommand } from './commands/tail.ts';
import { treeCommand } from './commands/tree.ts';
import { watchCommand } from './commands/watch.ts';
import { OUTPUT_MODES } from './output/print-settings.ts';

const isOn = (text: string): boolean | undefined => {
  if (/^(?:on|1|yes|true)$/i.test(text)) return true;
  if (/^(?:off|0|no|false)$/i.test(text)) return false;
  return undefined;
};

/** A setting of the session: `.headers ON|OFF`. */
const toggle = (name: 'bail' | 'echo' | 'headers' | 'timer' | 'times', help: string): DotCommand => ({
  name,
  argument: 'onOff',
  usage: 'ON|OFF',
  help,
  run: async (session, argument) => {
    const value = isOn(argument);
    if (value === undefined)
      return wrong(session, `.${name}: expected ON or OFF, got ${JSON.stringify(argument)}`);
    session.settings[name] = value;
    return 'done';
  },
});

/** Matches like SQL's LIKE if the pattern contains `%`, else anywhere in the name. */
const matcher = (pattern: string): ((name: string) => boolean) => {
  if (pattern === '') return () => true;
  if (!/[%*]/.test(pattern)) return name => name.toLowerCase().includes(pattern.toLowerCase());
  const source = pattern
    .replace(/[.+^${}()|[\]\\?]/g, '\\$&')
    .replace(/[%*]/g, '.*')
    .replaceAll('_', '.');
  const expression = new RegExp(`^${source}$`, 'i');
  return name => expression.test(name);
};

/** C-like escapes, as in `.separator \t`. */
const resolveEscapes = (text: string): string =>
  text.replace(/\\([tnr\\])/g, (_, letter: string) => ({ t: '\t', n: '\n', r: '\r', '\\': '\\' })[letter]!);

const unquote = (text: string): string => /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;

const exit = (name: string): DotCommand => ({
  name,
  argument: 'nothing',
  usage: '',
  help: 'Leave the shell',
  run: async () => 'exit',
});

const show = (name: string, help: string): DotCommand => ({
  name,
  argument: 'nothing',
  usage: '',
  help,
  run: async session => {
    const { settings } = session;
    const onOff = (value: boolean): string => (value ? 'on' : 'off');
    await session.print(`      mode: ${settings.mode}`);
    await session.print(`   headers: ${onOff(settings.headers)}`);
    await session.print(` nullvalue: ${JSON.stringify(settings.nullValue)}`);
    await session.print(` separator: ${JSON.stringify(settings.separator)}`);
    await session.print(`      echo: ${onOff(settings.echo)}`);
    await session.print(`      bail: ${onOff(settings.bail)}`);
    await session.print(`     timer: ${onOff(settings.timer)}`);
    await session.print(`     times: ${onOff(settings.times)}`);
    await session.print(`    socket: ${session.core.socketPath}`);
    return 'done';
  },
});

export const DOT_COMMANDS: readonly DotCommand[] = [
  {
    name: 'all',
    argument: 'table',
    usage: 'TABLE',
    help: 'Select everything from a table',
    run: async (session, argument) => {
      if (!/^\w+$/.test(argument)) return wrong(session, '.all: expected the name of a table');
      return session.execute(`SELECT * FROM ${argument}`);
    },
  },
  toggle('bail', 'Stop after the first error'),
  toggle('echo', 'Show each statement before it runs'),
  exit('exit'),
  explainCommand,
  toggle('headers', 'Show column names in csv, list and column mode'),
  {
    name: 'help',
    argument: 'nothing',
    usage: '',
    help: 'Show this text',
    run: async session => {
      for (const { name, usage, help } of DOT_COMMANDS) {
        await session.print(`${`.${name} ${usage}`.padEnd(34)}${help}`);
      }
      await session.print('Everything else is SQL and ends with a semicolon.');
      return 'done';
    },
  },
  {
    name: 'mode',
    argument: 'mode',
    usage: 'MODE',
    help: `Set the output form: ${OUTPUT_MODES.join(', ')}`,
    run: async (session, argument) => {
      const mode = OUTPUT_MODES.find(known => known === argument);
      if (mode === undefined) {
        return wrong(
          session,
          `.mode: expected one of ${OUTPUT_MODES.join(', ')}, got ${JSON.stringify(argument)}`,
        );
      }
      // As in osquery's shell, `.mode csv` separates with commas and `.mode list` with bars.
      if (mode === 'csv') session.settings.separator = ',';
      if (mode === 'list') session.settings.separator = '|';
      session.settings.mode = mode;
      return 'done';
    },
  },
  {
    name: 'nullvalue',
    argument: 'nothing',
    usage: 'TEXT',
    help: 'Show TEXT for NULL',
    run: async (session, argument) => {
      session.settings.nullValue = unquote(argument);
      return 'done';
    },
  },
  {
    name: 'print',
    argument: 'nothing',
    usage: 'TEXT',
    help: 'Print TEXT',
    run: async (session, argument) => {
      await session.print(argument);
      return 'done';
    },
  },
  exit('quit'),
  {
    name: 'schema',
    argument: 'table',
    usage: '[TABLE]',
    help: 'Show the columns of a table, or of all',
    run: async (session, argument) => {
      const matches = matcher(argument);
      const exact = session.core
        .tables()
        .filter(table => table.name === argument || table.views.includes(argument));
      const tables = exact.length > 0 ? exact : session.core.tables().filter(table => matches(table.name));
      if (tables.length === 0) {
        return wrong(session, `.schema: no table ${JSON.stringify(argument)}; .tables shows those there are`);
      }
      for (const table of tables) {
        await session.print(`${createTableStatement(table)};`);
        for (const view of table.views)
          await session.print(`CREATE VIEW ${view} AS SELECT * FROM ${table.name};`);
      }
      return 'done';
    },
  },
  {
    name: 'separator',
    argument: 'nothing',
    usage: 'TEXT',
    help: 'Set the separator between fields in csv and list mode',
    run: async (session, argument) => {
      if (argument === '') return wrong(session, '.separator: expected the separator');
      session.settings.separator = resolveEscapes(unquote(argument));
      return 'done';
    },
  },
  show('show', 'Show the settings'),
  {
    name: 'socket',
    argument: 'nothing',
    usage: '',
    help: "Show the path of core's extension socket",
    run: async session => {
      await session.print(session.core.socketPath);
      return 'done';
    },
  },
  show('summary', 'The same as .show'),
  {
    name: 'tables',
    argument: 'table',
    usage: '[PATTERN]',
    help: 'List the tables, or those whose names match',
    run: async (session, argument) => {
      const names = session.core.tables().flatMap(table => [table.name, ...table.views]);
      for (const name of [...new Set(names)].filter(matcher(argument)).sort())
        await session.print(`  => ${name}`);
      return 'done';
    },
  },
  tailCommand,
  toggle('timer', 'Show how long each statement takes'),
  toggle('times', 'Show columns of times as dates, except in json and csv mode'),
  treeCommand,
  {
    name: 'types',
    argument: 'sql',
    usage: 'SQL',
    help: 'Show the names and types of the columns that a statement returns',
    run: async (session, argument) => {
      try {
        for (const { name, type } of await session.core.columns(argument))
          await session.print(`${name}: ${type}`);
        return 'done';
      } catch (error) {
        return wrong(session, messageOf(error));
      }
    },
  },
  watchCommand,
];

/** Runs a line that begins with a dot. Names may be abbreviated as long as only one fits. */
export const runDotCommand = async (session: CommandSession, line: string): Promise<InputOutcome> => {
  const [, word = '', argument = ''] = /^\.(\S*)\s*(.*?)[\s;]*$/s.exec(line) ?? [];
  const exact = DOT_COMMANDS.find(({ name }) => name === word);
  const candidates = word === '' ? [] : DOT_COMMANDS.filter(({ name }) => name.startsWith(word));
  const command = exact ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (command !== undefined) return command.run(session, argument);
  const which =
    candidates.length > 1
      ? `.${word} may be ${candidates.map(({ name }) => `.${name}`).join(', ')}`
      : `unknown command .${word}`;
  return wrong(session, `${which}; .help lists the commands`);
};
