import { documentedTables } from '../../../tables/facts/index.ts';
import { eventTablesOn } from '../../../tables/index.ts';
import type { Command } from '../../cli/command.ts';
import { commands } from '../../cli/commands.ts';
import { commandHelp, programHelp } from '../../cli/help.ts';
import { auditSwitches } from '../../flags/audit-flags.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import { columnList, type ManPage, type ManPart, manPage } from './man-page.ts';

type PageFacts = Pick<ManPage, 'version' | 'date'>;

/** Directories and files of man pages, by path below /usr/share/man. */
export const manPages = (facts: PageFacts): ReadonlyMap<string, string> =>
  new Map([
    [`man1/${PROGRAM}.1`, programPage(facts)],
    [`man5/${PROGRAM}-tables.5`, tablesPage(facts)],
  ]);

const programPage = (facts: PageFacts): string => {
  const shown = commands.filter(command => command.isInternal !== true && command.name !== '');
  const body: ManPart[] = [
    { heading: 'Description' },
    { verbatim: programHelp(commands, { all: false }) },
    ...shown.flatMap(commandParts),
    { heading: 'Options of osqueryd and of the configuration' },
    { verbatim: withoutHead(programHelp(commands, { all: true })) },
    { heading: 'Files' },
    {
      verbatim: [
        '/usr/lib/osquery/extensions/osquery-audit-events.ext   what osqueryd loads',
        '/etc/osquery/extensions.load                           the list with its path',
        '/usr/share/osquery-audit-events                        flags, packs, a systemd drop-in',
        '/usr/share/doc/osquery-audit-events                    pages by topic: README.md lists them',
        '/var/lib/osquery-audit-events                          rows and counters over a restart',
      ].join('\n'),
    },
    { heading: 'See also' },
    { paragraph: `${PROGRAM}-tables(5), osqueryd(8), auditd(8)` },
  ];
  return manPage({
    name: PROGRAM,
    section: 1,
    summary: 'process, socket, user, file and security events for osquery',
    ...facts,
    body,
  });
};

const commandParts = (command: Command): readonly ManPart[] => [
  { heading: command.name },
  { verbatim: commandHelp(command, { all: false }) },
];

/** The help text from the flags on; the part before them is in the description. */
const withoutHead = (help: string): string => help.slice(Math.max(0, help.indexOf('Flags:')));

/** The flag that has to be on for a table to have rows. */
const switchOf = (name: string): readonly ManPart[] => {
  const table = eventTablesOn('linux').find(({ spec }) => spec.name === name);
  if (table === undefined) return [];
  const { name: flag, help, defaultValue } = auditSwitches[table.flag];
  return [{ paragraph: `--${flag}: ${help}. It is ${defaultValue} unless set.` }];
};

const WATCHED = `\
Rows of process_file_events are made of what file_paths and file_paths_query in osquery's configuration, and in its packs, name, \
without what exclude_paths of the same category names: { "file_paths": { "configuration": ["/etc/%%"] } }. The kernel selects \
these files; at most 64 directories and 512 single paths are watched. What cannot be watched is named once in osqueryd's log. \
With --audit_fim_show_accesses=true opens that only read have rows, too, and with --audit_show_partial_fim_events=true those of \
which a path cannot be told.`;

const tablesPage = (facts: PageFacts): string => {
  const body: ManPart[] = [
    { heading: 'Description' },
    {
      paragraph:
        'The columns of the tables on Linux, with their types. SELECT * does not show hidden columns: name them in the query.',
    },
    ...documentedTables.flatMap(({ spec, columns }) => [
      { heading: spec.name },
      ...switchOf(spec.name),
      { verbatim: columnList(spec.columns, columns) },
    ]),
    { heading: 'Watched files' },
    { paragraph: WATCHED },
    { heading: 'See also' },
    { paragraph: `${PROGRAM}(1)` },
  ];
  return manPage({
    name: `${PROGRAM}-tables`,
    section: 5,
    summary: 'columns of the tables that the extension serves',
    ...facts,
    body,
  });
};
