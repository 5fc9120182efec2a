import { parse } from 'yaml';

/** One report (a scheduled query) of Fleet. */
export interface FleetReport {
  readonly name: string;
  readonly query: string;
  readonly interval: number;
}

/**
 * Keys of a report in Fleet's GitOps files, with the type of each. Source: docs/Configuration/yaml-files.md of fleetdm/fleet, and the
 * parameters of its "Create report" (before 4.82 "Create query").
 */
const KEYS: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: value => typeof value === 'string' && value !== '',
  description: value => typeof value === 'string',
  query: value => typeof value === 'string' && value !== '',
  interval: value => Number.isInteger(value) && Number(value) >= 0,
  platform: value =>
    typeof value === 'string' &&
    value.split(',').every(each => ['darwin', 'linux', 'windows', 'chrome', ''].includes(each)),
  min_osquery_version: value => typeof value === 'string',
  observer_can_run: value => typeof value === 'boolean',
  automations_enabled: value => typeof value === 'boolean',
  discard_data: value => typeof value === 'boolean',
  logging: value => ['snapshot', 'differential', 'differential_ignore_removals'].includes(String(value)),
  labels_include_any: value => Array.isArray(value),
};
const REQUIRED = ['name', 'query'];

/**
 * The reports in a file that `reports: [{path: …}]` of a GitOps file names.
 *
 * @throws Error that says which report has which fault
 */
export const parseFleetReports = (text: string): readonly FleetReport[] => {
  const reports: unknown = parse(text, { strict: true, uniqueKeys: true });
  if (!Array.isArray(reports)) throw new Error(`expected a list of reports, got ${typeof reports}`);
  const names = new Set<string>();
  for (const [index, report] of reports.entries()) {
    const name = `report ${index + 1}`;
    if (typeof report !== 'object' || report === null) throw new Error(`${name}: expected keys and values`);
    for (const [key, value] of Object.entries(report)) {
      const fits = KEYS[key];
      if (fits === undefined) throw new Error(`${name}: Fleet has no key ${key}`);
      if (!fits(value)) throw new Error(`${name}: unexpected value of ${key}: ${JSON.stringify(value)}`);
    }
    for (const key of REQUIRED) if (!(key in report)) throw new Error(`${name}: expected a ${key}`);
    if (names.has(report.name)) throw new Error(`${name}: a second report has the name ${report.name}`);
    names.add(report.name);
  }
  return reports as readonly FleetReport[];
};
