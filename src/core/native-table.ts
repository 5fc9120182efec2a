/** A table that core itself serves. */
import type { PluginRow, QueryContext } from 'osquery-extension-ts';
import { parseQueryContext } from 'osquery-extension-ts/protocol';
import { parseRoutes, type RouteRow, type TableDefinition } from './sql/table-definition.ts';

export interface NativeTable {
  readonly definition: TableDefinition;
  readonly generate: (context: QueryContext) => readonly PluginRow[];
}

export type ColumnLine = readonly [name: string, type: string, op?: number];

/** A native table from its columns; `generate` makes all rows, SQLite filters them. */
export const nativeTable = (options: {
  readonly name: string;
  readonly columns: readonly ColumnLine[];
  readonly columnAliases?: Readonly<Record<string, string>>;
  readonly attributes?: number;
  readonly generate: (context: QueryContext) => readonly PluginRow[];
}): NativeTable => {
  const rows: RouteRow[] = options.columns.map(([name, type, op = 0]) => ({
    id: 'column',
    name,
    type,
    op: String(op),
  }));
  for (const [name, target] of Object.entries(options.columnAliases ?? {})) {
    rows.push({ id: 'columnAlias', name, target });
  }
  rows.push({ id: 'attributes', attributes: String(options.attributes ?? 0) });
  return nativeTableOf(options.name, rows, options.generate);
};

/** A native table, made from the routes that it would register with. */
export const nativeTableOf = (
  name: string,
  rows: readonly RouteRow[],
  generate: NativeTable['generate'],
): NativeTable => ({ definition: parseRoutes({ name, rows, extension: false }), generate });

export const generateNative = (table: NativeTable, context: string | undefined): readonly PluginRow[] =>
  table.generate(parseQueryContext(context));
