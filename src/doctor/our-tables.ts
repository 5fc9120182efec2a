import { mentionsOf } from 'osquery-extension-ts/events';
import { eventTables } from '../../tables/index.ts';
import { prefixedName } from '../../tables/table-name.ts';
import { auditSwitches } from '../flags/audit-flags.ts';
import { effectiveFlag } from './flag-view.ts';

/** Event tables that a stock core has too. It keeps their names unless told otherwise. */
export const standardTables: readonly string[] = eventTables.map(({ spec }) => spec.name);

/** osquery's flag that switches each of them on. */
export const tableFlags: readonly (readonly [table: string, flag: string])[] = eventTables.map(
  ({ spec, flag }) => [spec.name, auditSwitches[flag].name],
);

/**
 * Those whose events are recorded; a flag that is not known counts as its default. The other tables are empty under
 * any name.
 */
export const tablesThatAreOn = (facts: Parameters<typeof effectiveFlag>[0]): readonly string[] =>
  eventTables
    .filter(({ flag }) => {
      const { name, defaultValue } = auditSwitches[flag];
      return (effectiveFlag(facts, name) ?? defaultValue) === 'true';
    })
    .map(({ spec }) => spec.name);

/** Other tables of ours that a schedule may read. */
export const furtherTables = ['process_telemetry_events'] as const;

/** Whether SQL names a table of ours, by either of its names. */
export const readsTable = (sql: string, table: string): boolean =>
  mentionsOf([table, prefixedName(table)]).test(sql);
