import { listOf } from './list-of.ts';

/**
 * Whether core keeps a table of this name out of SQL; the name stays taken in its registry. Names in the lists count byte
 * for byte, whatever case SQL would take them in. With only tables in `enable_tables` given, all others are disabled.
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
