import { type ExtensionManagerClient, isOsqueryError, type TableSpec } from 'osquery-extension-ts';
import { eventTables } from '../../../tables/index.ts';

/** Before the name of a table when core has one of that name itself. */
const PREFIX = 'audit_';

/**
 * Names of core's own tables. An extension cannot register one of them, not even one that --disable_tables keeps out
 * of SQL. Tables of other extensions do not count: one that died stays listed until core looks for it.
 *
 * @returns undefined if core does not tell: --disable_tables and --enable_tables can keep its own tables away, too
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

/**
 * Where core has the name, ours is the `audit_` form with the standard name as an alias, which works as soon as
 * core's table is in --disable_tables; where the name is free, the other way round.
 *
 * @param native core's own tables; undefined stands for those of a stock core
 */
export const nameTable = (spec: TableSpec, native: ReadonlySet<string> | undefined): TableSpec => {
  const prefixed = `${PREFIX}${spec.name}`;
  return (native?.has(spec.name) ?? isStock(spec.name))
    ? { ...spec, name: prefixed, aliases: [...(spec.aliases ?? []), spec.name] }
    : { ...spec, aliases: [...(spec.aliases ?? []), prefixed] };
};

/** Whether osquery on Linux has the table itself. */
const isStock = (name: string): boolean => eventTables.some(({ spec }) => spec.name === name);
