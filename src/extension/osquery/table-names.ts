import { type ExtensionManagerClient, isOsqueryError, type TableSpec } from 'osquery-extension-ts';
import { eventTables } from '../../../tables/index.ts';
import { isAmongTables, prefixedName, registryTwin } from '../../../tables/table-name.ts';
import { isTableDisabled } from '../../flags/disabled-tables.ts';

/**
 * Names of core's own tables. An extension cannot register one of them, not even one that --disable_tables keeps out
 * of SQL. Tables of other extensions do not count: those of a dead one stay listed until core checks it.
 *
 * @returns undefined if core does not tell: --disable_tables and --enable_tables can hide its own tables, too
 */
export const nativeTables = async (
  client: ExtensionManagerClient,
): Promise<ReadonlySet<string> | undefined> => {
  try {
    const rows = await client.query(
      "SELECT name FROM osquery_registry WHERE registry = 'table' AND (owner_uuid = 0 OR owner_uuid IS NULL)",
    );
    return new Set(rows.map(row => row.name ?? ''));
  } catch (error) {
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
};

/** The parts of core that decide on the names of our tables. */
export interface NamesInCore {
  /** Core's own tables; if undefined, those of a stock core are assumed. */
  readonly native: ReadonlySet<string> | undefined;
  /** Core's options by name, as text. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The names under which to register one of our tables, the recommended one first. An alias is a view with the visible
 * columns only; a registered table of any name has the hidden ones, too.
 *
 * - Core has no table of the name: the name, with the `audit_` form as an alias.
 * - Core has one that is kept out of SQL: the name in another case, which SQL takes for the same, and the `audit_`
 *   form.
 * - Core has one in SQL: the `audit_` form.
 */
export const namesInCore = (spec: TableSpec, { native, options }: NamesInCore): readonly TableSpec[] => {
  const aliases = spec.aliases ?? [];
  const prefixed = { ...spec, name: prefixedName(spec.name) };
  // Added if the plain name leads to no other table.
  const alias = { ...prefixed, aliases: [...aliases, spec.name] };
  const twin = { ...spec, name: registryTwin(spec.name) };
  const isTaken = native === undefined ? isStock(spec.name) : isAmongTables(spec.name, native);
  if (!isTaken) return [{ ...spec, aliases: [...aliases, prefixed.name] }];
  if (!isTableDisabled(spec.name, options)) return [alias];
  return [twin, isTableDisabled(twin.name, options) ? alias : prefixed];
};

/** Whether osquery on Linux has this table itself. */
const isStock = (name: string): boolean =>
  isAmongTables(
    name,
    eventTables.map(({ spec }) => spec.name),
  );
