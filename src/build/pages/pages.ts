import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { detections } from '../../../tables/detections/index.ts';
import { documentedTables } from '../../../tables/facts/index.ts';
import type { Command } from '../../cli/command.ts';
import { commands } from '../../cli/commands.ts';
import { auditFlags, eventFlags } from '../../flags/audit-flags.ts';
import { coreFlags } from '../../flags/core-flags.ts';
import { customOptions } from '../../flags/custom-options.ts';
import { flagfileLines } from '../../flags/flagfile.ts';
import { detectionLists, detectionSections, readCosts } from './detection-part.ts';
import { exampleFrom, fixtureRows } from './fixture-examples.ts';
import { flagTablePart } from './flag-part.ts';
import { withPart } from './page-parts.ts';
import { tableList, tableSections } from './table-part.ts';

/** The parts of the documentation that are made from the code: by page, and within it by name. */
const partsOf = (root: string): Readonly<Record<string, Readonly<Record<string, () => string>>>> => {
  const shipped = new Map(
    flagfileLines(readFileSync(join(root, 'osquery.flags'), 'utf8')).map(({ text }) => {
      const [name = '', value = ''] = text.replace(/^--/, '').split('=');
      return [name, value];
    }),
  );
  return {
    'tables/README.md': {
      tables: () => tableList(documentedTables),
      columns: () => tableSections(documentedTables, exampleFrom(fixtureRows(join(root, 'fixtures')))),
    },
    'tables/packs/README.md': {
      detections: () => detectionLists(detections, readCosts(root)),
      'each detection': () => detectionSections(detections),
    },
    'src/flags/README.md': {
      'audit flags': () => flagTablePart(auditFlags, shipped),
      'event flags': () => flagTablePart(eventFlags, shipped),
      'own options': () => flagTablePart(customOptions),
      'core flags': () => flagTablePart(coreFlags),
      'command flags': () =>
        commands
          .filter(({ flags, isInternal }) => flags.length > 0 && isInternal !== true)
          .map(commandFlags)
          .join('\n\n'),
    },
  };
};

/** The extension, which osqueryd starts, has no word of its own. */
const commandFlags = ({ name, summary, flags }: Command): string =>
  `### ${name === '' ? 'as an extension' : name}\n\n${summary[0]!.toUpperCase()}${summary.slice(1)}.\n\n${flagTablePart(flags)}`;

/** Each page that has such parts, as it should be. */
export const pagesOf = (root: string): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(partsOf(root)).map(([path, parts]) => [
      path,
      Object.entries(parts).reduce(
        (page, [name, make]) => withPart(page, name, make()),
        readFileSync(join(root, path), 'utf8'),
      ),
    ]),
  );
