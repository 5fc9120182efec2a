/**
 * Names of tables. SQL takes them without case (SQLite folds ASCII letters only, so table names here are ASCII); core's
 * registry, and its flags `disable_tables` and `enable_tables`, take them byte for byte.
 *
 * Source: osquery 5.23 `registry/registry_interface.cpp` (exists), `sql/sqlite_util.cpp` (isDisabled).
 */

/** Whether SQL takes two names for the same table. */
export const isSameTable = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Whether SQL takes the name for one of the others. */
export const isAmongTables = (name: string, names: Iterable<string>): boolean => {
  for (const other of names) if (isSameTable(name, other)) return true;
  return false;
};

/** A table's name where core serves a table of the plain name itself. */
export const prefixedName = (table: string): string => `audit_${table}`;

/**
 * A table's name in core's registry where core's own table has the plain one but is kept out of SQL: another name for the
 * registry, the same one for SQL. `process_events` is `Process_events`.
 */
export const registryTwin = (table: string): string => table.charAt(0).toUpperCase() + table.slice(1);
