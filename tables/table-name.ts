/**
 * Names of tables. SQL ignores case (SQLite folds only ASCII letters, so table names here are ASCII). Core's
 * registry, and its flags `disable_tables` and `enable_tables`, compare byte for byte.
 *
 * Source: osquery 5.23 `registry/registry_interface.cpp` (exists), `sql/sqlite_util.cpp` (isDisabled).
 */

/** Whether two names mean the same table in SQL. */
export const isSameTable = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Whether a name means one of the others in SQL. */
export const isAmongTables = (name: string, names: Iterable<string>): boolean => {
  for (const other of names) if (isSameTable(name, other)) return true;
  return false;
};

/** Name of a table where core itself serves the plain name. */
export const prefixedName = (table: string): string => `audit_${table}`;

/**
 * Name of a table in core's registry where core has a table of the plain name but keeps it out of SQL: a different
 * name in the registry, and the same in SQL. For `process_events` it is `Process_events`.
 */
export const registryTwin = (table: string): string => table.charAt(0).toUpperCase() + table.slice(1);
