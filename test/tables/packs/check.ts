import { writtenPacks } from '../../../src/build/packs/written-packs.ts';
import { parseConfiguration } from '../../../src/core/schedule/configuration.ts';
import { type Detection, statementOf } from '../../../tables/detections/detection.ts';
import { detections, watchedPaths } from '../../../tables/detections/index.ts';
import { parseFleetReports } from './fleet-schema.ts';
import type { RecordedCore } from './recorded-core.ts';

/** What a detection costs on recorded work. */
export interface DetectionCost {
  readonly name: string;
  readonly interval: number;
  /** Rows that it reports of the ordinary work. */
  readonly found: number;
  /** How often it read a table, and the rows that the tables gave for it. */
  readonly reads: number;
  readonly rows: number;
  readonly milliseconds: number;
}

/** A statement without what only separates its words. */
const words = (sql: string): string => sql.replaceAll(/\s+/g, ' ').trim();

/** Each file of the packs, of osquery and of Fleet, read as they read it: it has to say what the detections say. */
export const faultsOfFiles = (read: (path: string) => string | undefined): readonly string[] => {
  const faults: string[] = [];
  const fault = (path: string, text: string): void => void faults.push(`${path}: ${text}`);
  for (const [path, text] of writtenPacks()) {
    const found = read(path);
    if (found !== text) fault(path, 'is not what tables/detections makes: npm run packs');
    if (found === undefined || path.endsWith('.agent-options.yml')) continue;
    const pack = path.replace(/^.*\/([a-z_]+)\..*$/, '$1');
    const expected = detections.filter(each => each.pack === pack);
    try {
      const queries = path.endsWith('.conf') ? osqueryQueries(path, found) : parseFleetReports(found);
      const byName = new Map(queries.map(query => [query.name, query]));
      if (byName.size !== expected.length)
        fault(path, `expected ${expected.length} queries, got ${byName.size}`);
      for (const { name, query, interval } of expected) {
        const written = byName.get(name);
        if (
          written === undefined ||
          words(written.query) !== statementOf(query) ||
          written.interval !== interval
        )
          fault(path, `${name} is not the query that tables/detections has`);
      }
    } catch (error) {
      fault(path, String(error));
    }
  }
  return faults;
};

const osqueryQueries = (path: string, text: string) => {
  const { packs, warnings } = parseConfiguration(new Map([[path, text]]));
  if (warnings.length > 0) throw new Error(warnings.join('; '));
  return packs.flatMap(({ queries }) => queries);
};

/** osquery's pattern as one of GLOB. */
const globOf = (pattern: string): string => pattern.replaceAll('%%', '*').replaceAll('%', '*');

/**
 * A recording does not tell which category a file was watched for, because no configuration was recorded; so the paths themselves are
 * asked for.
 */
const forRecording = ({ query }: Detection): string => {
  const where = query.where.map(condition => {
    const [, category] = /^f\.category = '([a-z_]+)'$/.exec(condition) ?? [];
    if (category === undefined) return condition;
    const paths = watchedPaths[category as keyof typeof watchedPaths];
    const of = (column: string) => paths.map(path => `${column} GLOB '${globOf(path)}'`);
    return `(${[...of('f.path'), ...of('f.dest_path')].join(' OR ')}) IS TRUE`;
  });
  return statementOf({ ...query, where });
};

/**
 * Runs each detection on recorded work, and each with its exclusion.
 *
 * @param times how often each is run: the least time counts, because others use the processors and their caches, too
 * @throws Error if one cannot run
 */
export const costsOn = async (recorded: RecordedCore, times: number): Promise<readonly DetectionCost[]> => {
  // The rows of this table are made when a query asks for them first, and those of the hidden columns then.
  await recorded.core.query('SELECT count(ancestors) FROM process_telemetry_events');
  await recorded.core.query('SELECT count(parent_path), count(container_name) FROM process_events');
  const costs: DetectionCost[] = [];
  for (const detection of detections) {
    const { name, interval, query, exclude } = detection;
    const { found, ...cost } = await recorded.cost(forRecording(detection));
    let { milliseconds } = cost;
    for (let more = times - 1; more > 0; more--) {
      const again = await recorded.cost(forRecording(detection));
      milliseconds = Math.min(milliseconds, again.milliseconds);
    }
    costs.push({ name, interval, found: found.length, ...cost, milliseconds });
    const less = await recorded.core.query(statementOf(query, { added: exclude }));
    if (less.rows.length > found.length) throw new Error(`${name}: its exclusion adds rows`);
  }
  return costs;
};
