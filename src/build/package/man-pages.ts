import type { TableSpec } from 'osquery-extension-ts';
import { auditStatus } from '../../../tables/audit_status.ts';
import { eventTablesOn } from '../../../tables/index.ts';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import type { Command } from '../../cli/command.ts';
import { commands } from '../../cli/commands.ts';
import { commandHelp, programHelp } from '../../cli/help.ts';
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
        '/var/lib/osquery-audit-events                          rows and counters over a restart',
      ].join('\n'),
    },
    { heading: 'See also' },
    { paragraph: `${PROGRAM}-tables(5), osqueryd(8), auditd(8)` },
  ];
  return manPage({
    name: PROGRAM,
    section: 1,
    summary: 'process, socket and user events for osquery',
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

const tablesPage = (facts: PageFacts): string => {
  const tables: readonly TableSpec[] = [
    ...eventTablesOn('linux').map(({ spec }) => spec),
    processTelemetryEvents.spec,
    auditStatus,
  ];
  const body: ManPart[] = [
    { heading: 'Description' },
    {
      paragraph:
        'The columns of the tables on Linux, with their types. SELECT * does not show hidden columns: name them in the query.',
    },
    ...tables.flatMap(table => [{ heading: table.name }, { verbatim: columnList(table) }]),
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
