import { flagTable } from '../flags/flag-definition.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import { nearestName } from '../flags/nearest-name.ts';
import { parseFlags } from '../flags/parse-flags.ts';
import { readFlagfile } from '../flags/read-flagfile.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import type { Command } from './command.ts';
import { commandHelp, programHelp } from './help.ts';
import { reportError } from './report-error.ts';

export interface DispatchOptions {
  readonly commands: readonly Command[];
  readonly version: () => Promise<string>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly readFlagfile?: (path: string, limit: number) => Uint8Array;
}

/**
 * Runs the command that `args` name and resolves with the exit status: 0, 1 if the work failed, 2 if the arguments
 * are wrong. Never rejects; an error is one line on stderr.
 */
export const dispatch = async (args: readonly string[], options: DispatchOptions): Promise<number> => {
  try {
    return await run(args, options);
  } catch (error) {
    const report = reportError(error, { verbose: asksForStack(args) });
    options.stderr(report.text);
    return report.status;
  }
};

const run = async (args: readonly string[], options: DispatchOptions): Promise<number> => {
  const { commands } = options;
  const word = args[0] !== undefined && !args[0].startsWith('-') ? args[0] : '';
  const command = commands.find(candidate => candidate.name === word);
  const rest = word === '' ? args : args.slice(1);
  const request = informationRequest(rest);
  if (request === 'version') {
    options.stdout(`${PROGRAM} ${await options.version()}\n`);
    return 0;
  }
  if (command === undefined) throw unknownCommand(word, commands);
  if (request !== undefined) {
    const all = { all: request === 'help-all' };
    options.stdout(word === '' ? programHelp(commands, all) : commandHelp(command, all));
    return 0;
  }
  if (word === '' && !args.some(namesSocket)) {
    const got = args[0] === undefined ? 'nothing' : quoteText(args[0]);
    throw new FlagError(
      'usage',
      `expected a command first (${nameList(commands)}) or --socket PATH, got ${got}; --help shows what there is`,
    );
  }
  const flags = flagTable(command.flags, ...command.flagGroups);
  return command.run(parseFlags(rest, { flags, readFlagfile: options.readFlagfile ?? readFlagfile }));
};

/** As in osquery, these are searched for before the flags are read, so that help works whatever else is wrong. */
const informationRequest = (args: readonly string[]): 'help' | 'help-all' | 'version' | undefined => {
  for (const argument of args) {
    if (argument === '--') return undefined;
    switch (argument.replace(/^--?/, '-')) {
      case '-help':
      case '-h':
        return 'help';
      case '-help=all':
      case '-helpfull':
        return 'help-all';
      case '-version':
        return 'version';
    }
  }
  return undefined;
};

const asksForStack = (args: readonly string[]): boolean =>
  args.some(argument => /^--?verbose(?:=(?:true|1|yes|t|y))?$/i.test(argument));

/** The socket may also be in a flagfile, or have osquery's own name. */
const namesSocket = (argument: string): boolean =>
  /^--?(?:(?:extensions_)?socket|flagfile)(?:=|$)/.test(argument);

const nameList = (commands: readonly Command[]): string =>
  commands
    .map(command => command.name)
    .filter(name => name !== '')
    .join(', ');

const unknownCommand = (word: string, commands: readonly Command[]): FlagError => {
  const near = nearestName(
    word,
    commands.map(command => command.name),
  );
  const hint =
    near === undefined ? `: expected ${nameList(commands)} or --socket PATH` : ` (did you mean ${near}?)`;
  return new FlagError('usage', `unknown command ${quoteText(word)}${hint}; --help shows what there is`);
};
