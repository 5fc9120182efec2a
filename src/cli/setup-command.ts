import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import type { Command } from './command.ts';
import { runDoctorCommand } from './doctor-command.ts';

const flag = (
  definition: Pick<FlagDefinition, 'name' | 'type' | 'help'> & Partial<FlagDefinition>,
): FlagDefinition => ({
  defaultValue: definition.type === 'bool' ? 'false' : '',
  group: 'command',
  ...definition,
});

export const setupFlags: readonly FlagDefinition[] = [
  flag({ name: 'dry_run', type: 'bool', help: 'Show what would be written, and write nothing' }),
  flag({ name: 'yes', type: 'bool', help: 'Do not ask' }),
  flag({ name: 'undo', type: 'bool', help: 'Remove what setup has written, and nothing else' }),
  flag({
    name: 'ext',
    type: 'string',
    valueName: 'PATH',
    help: 'The executable that osqueryd should load (default: this program itself)',
  }),
  flag({
    name: 'etc',
    type: 'string',
    valueName: 'DIRECTORY',
    defaultValue: '/etc/osquery',
    help: "Directory of osquery's osquery.flags, extensions.load and osquery.conf",
  }),
  flag({
    name: 'autoload_only',
    type: 'bool',
    help: "Change only the line in extensions.load, without asking and without doctor, as the packages' scripts do",
  }),
];

export const setupCommand: Command = {
  name: 'setup',
  summary: 'make a stock osqueryd load this extension, or undo that',
  usage: 'setup [--dry-run] [--yes] [--undo] [--etc DIRECTORY] [--ext PATH]',
  notes: [
    'It shows the lines that osquery.flags and extensions.load lack, and a file with the packs of tables that nothing is scheduled for beside osquery.conf, as a diff; asks; writes them; and ends with doctor. Lines of others stay, in their order and byte by byte; where one of theirs is in the way, a line below it counts instead, and that is said.',
    'All files are written, or none. It refuses a file that is a symbolic link, belongs to another user, can be written to by others, or is not text, and names the file and the line.',
    'With --undo it removes only what it wrote. Lines that were changed since stay, and are named.',
    'Paths that osquery.flags sets (extensions_autoload, config_path) are used as they are. With --config_plugin=tls the schedule comes from the server: add the packs there by hand.',
  ],
  flags: setupFlags,
  flagGroups: [],
  run: async ({ values, positionals }) => {
    const [stray] = positionals;
    if (stray !== undefined) throw new FlagError('usage', `setup: unexpected argument ${quoteText(stray)}`);
    const { runSetup } = await import('../setup/run-setup.ts');
    const isSet = (name: string): boolean => values.get(name) === 'true';
    return runSetup({
      dryRun: isSet('dry_run'),
      yes: isSet('yes'),
      undo: isSet('undo'),
      autoloadOnly: isSet('autoload_only'),
      executable: values.get('ext') || undefined,
      etc: values.get('etc') || '/etc/osquery',
      remark: text => process.stderr.write(`${PROGRAM}: ${text}\n`),
      examine: places => runDoctorCommand({ socketPath: undefined, ...places, json: false }),
    });
  },
};
