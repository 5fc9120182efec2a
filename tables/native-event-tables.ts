/**
 * The event tables that a stock core on Linux owns, with osquery 5.23's columns and without rows. With them, an
 * embedded core behaves like one whose audit publisher is off.
 */
import type { PluginRow } from 'osquery-extension-ts';
import { columnRoutes } from 'osquery-extension-ts/protocol';
import { type NativeTable, nativeTableOf } from '../src/core/native-table.ts';
import { eventTablesOn } from './index.ts';

/** Names that only a core with its own audit publisher owns. */
export const nativeEventTables: readonly NativeTable[] = eventTablesOn('linux').map(
  ({ spec, osqueryColumns }) => {
    const routes: readonly PluginRow[] = columnRoutes({
      ...spec,
      columns: spec.columns.slice(0, osqueryColumns),
    });
    return nativeTableOf(spec.name, routes, () => []);
  },
);
