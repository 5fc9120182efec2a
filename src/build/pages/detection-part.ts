import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Detection, statementOf } from '../../../tables/detections/detection.ts';
import { code, markdownTable } from './page-parts.ts';

/** What `npm run check:packs -- --write` measured. */
export interface RecordedCosts {
  readonly date: string;
  /** Rows of the recorded hour, by table. */
  readonly counts: Readonly<Record<string, number>>;
  readonly costs: readonly {
    readonly name: string;
    readonly found: number;
    readonly reads: number;
    readonly rows: number;
    readonly milliseconds: number;
  }[];
}

export const readCosts = (root: string): RecordedCosts =>
  JSON.parse(readFileSync(join(root, 'fixtures/packs/costs.json'), 'utf8'));

const TITLES: Readonly<Record<Detection['pack'], string>> = {
  detections: 'Of processes, sockets and users: detections.conf',
  file_detections: 'Of files: file_detections.conf',
};

/** A line for each detection, with its cost. */
export const detectionLists = (
  detections: readonly Detection[],
  { date, counts, costs }: RecordedCosts,
): string => {
  const hour = Object.entries(counts).map(
    ([table, count]) => `${count.toLocaleString('en')} of ${code(table)}`,
  );
  const lists = Object.entries(TITLES).map(([pack, title]) => {
    const rows = detections
      .filter(each => each.pack === pack)
      .map(({ name, description, attack, interval }) => {
        const cost = costs.find(each => each.name === name);
        if (cost === undefined)
          throw new Error(`expected the cost of ${name}: npm run check:packs -- --write`);
        return [
          `[${code(name)}](#${name})`,
          description,
          attack.map(techniqueLink).join(' '),
          `${interval} s`,
          `${cost.reads.toLocaleString('en')} / ${cost.rows.toLocaleString('en')}`,
          String(Math.round(cost.milliseconds)),
        ];
      });
    return `### ${title}\n\n${markdownTable(['detection', 'a row means', 'ATT&CK', 'interval', 'reads / rows', 'CPU ms'], rows)}`;
  });
  return [
    `The cost is that of each query over a whole recorded hour of ordinary work (${hour.join(', ')}): how often it read a table, ` +
      `how many rows the tables gave to SQLite for it, and the CPU time of extension and embedded core together, the least of five runs, on ${date} on a busy machine with two CPUs: ` +
      `${(costs.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000).toFixed(1)} s for all of them.`,
    ...lists,
  ].join('\n\n');
};

/** A section for each detection. */
export const detectionSections = (detections: readonly Detection[]): string =>
  detections
    .map(({ name, description, attack, query, falsePositives, exclude }) =>
      [
        `### ${name}`,
        `${description} ${attack.map(techniqueLink).join(', ')}.`,
        `**Ordinary causes:** ${falsePositives}`,
        `**To exclude one**, add a condition: ${code(exclude)}`,
        `\`\`\`sql\n${statementOf(query, { separator: '\n' })}\n\`\`\``,
      ].join('\n\n'),
    )
    .join('\n\n');

const techniqueLink = (technique: string): string =>
  `[${technique}](https://attack.mitre.org/techniques/${technique.replace('.', '/')}/)`;
