import { mentionsOf } from 'osquery-extension-ts/events';
import { eventTables } from '../../tables/index.ts';
import { prefixedName } from '../../tables/table-name.ts';
import { auditSwitches } from '../flags/audit-flags.ts';
import { effectiveFlag } from './flag-view.ts';

/** Names of the event tables that a stock core has too, and which it keeps for itself unless told otherwise. */
export const standardTables: readonly string[] = eventTables.map(({ spec }) => spec.name);

/** osquery's flag that switches each of them on. */
export const tableFlags: readonly (readonly [table: string, flag: string])[] = eventTables.map(
  ({ spec, flag }) => [spec.name, auditSwitches[flag].name],
);

/** Those of which events are recorded, where a flag is not known by its default: the others are empty by any name. */
export const tablesThatAreOn = (facts: Parameters<typeof effectiveFlag>[0]): readonly string[] =>
  eventTables
    .filter(({ flag }) => {
      const { name, defaultValue } = auditSwitches[flag];
      return (effectiveFlag(facts, name) ?? defaultValue) === 'true';
    })
    .map(({ spec }) => spec.name);

/** Tables of ours that a schedule may read, without the standard ones. */
export const furtherTables = ['process_telemetry_events'] as const;

/** Whether SQL names a table of ours, by either of its names. */
export const readsTable = (sql: string, table: string): boolean =>
  mentionsOf([table, prefixedName(table)]).test(sql);
