import { listOf } from './list-of.ts';

/**
 * Whether core keeps a table of this name out of SQL. The name stays taken in its registry. Names in the lists are
 * compared byte for byte, although SQL ignores case. If only `enable_tables` is given, all other tables are disabled.
 *
 * Source: osquery 5.23 `sql/sqlite_util.cpp` (isDisabled).
 *
 * @param options core's, by name
 */
export const isTableDisabled = (name: string, options: Pick<ReadonlyMap<string, string>, 'get'>): boolean => {
  if (listOf(options.get('disable_tables')).includes(name)) return true;
  const enabled = options.get('enable_tables') ?? '';
  return enabled !== '' && !listOf(enabled).includes(name);
};
