import { OsqueryError } from '../errors.ts';
import { type ColumnSpec, columnOptionBits } from './column.ts';
import type { PluginRow } from './encoded-rows.ts';

/** What core should know about a table as a whole; osquery's TableAttributes. */
export interface TableAttributes {
  /** Always available, also without osquery's services. */
  readonly utility?: boolean;
  /** Core may answer a scheduled query from the rows of an earlier one. */
  readonly cacheable?: boolean;
  /** Rows are events: the schedule logs every row it gets instead of comparing with the last result. */
  readonly eventBased?: boolean;
  /** Rows belong to users; queries should join with `users`. */
  readonly userBased?: boolean;
}

/** Bits of the `attributes` route row. */
export const TABLE_ATTRIBUTE_BITS = { utility: 1, cacheable: 2, eventBased: 4, userBased: 8 } as const;

/** A table as data. Write it with `as const satisfies TableSpec`, so that its row type is known. */
export interface TableSpec<Columns extends readonly ColumnSpec[] = readonly ColumnSpec[]> {
  readonly name: string;
  readonly columns: Columns;
  /** Other names of the table: core makes each a view. */
  readonly aliases?: readonly string[];
  /** Other names of columns, as `{ alias: column }`: core makes each a hidden column. */
  readonly columnAliases?: Readonly<Record<string, Columns[number]['name']>>;
  readonly attributes?: TableAttributes;
}

/**
 * The route rows that describe a table to core, in the order and with the keys of osquery's own tables: columns,
 * aliases, column aliases by their column's name, attributes.
 *
 * @throws OsqueryError OSQUERY_INVALID when the table cannot be right: core would fail later and say less
 */
export function columnRoutes(spec: TableSpec): PluginRow[] {
  checkTableSpec(spec);
  const columnAliases = Object.entries(spec.columnAliases ?? {}).sort(
    ([aliasA, targetA], [aliasB, targetB]) => compare(targetA, targetB) || compare(aliasA, aliasB),
  );
  return [
    ...spec.columns.map(column => ({
      id: 'column',
      name: column.name,
      type: column.type,
      op: String(columnOptionBits(column.options)),
    })),
    ...(spec.aliases ?? []).map(alias => ({ id: 'alias', alias })),
    ...columnAliases.map(([name, target]) => ({ id: 'columnAlias', name, target })),
    { id: 'attributes', attributes: String(tableAttributeBits(spec.attributes)) },
  ];
}

/** The bits of a table's attributes together. */
export function tableAttributeBits(attributes: TableAttributes = {}): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(TABLE_ATTRIBUTE_BITS)) {
    if (attributes[name as keyof typeof TABLE_ATTRIBUTE_BITS]) bits |= bit;
  }
  return bits;
}

/** Core puts names into SQL without quoting them all. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TYPES: readonly string[] = ['TEXT', 'INTEGER', 'BIGINT', 'UNSIGNED BIGINT', 'DOUBLE', 'BLOB'];

function checkTableSpec(spec: TableSpec): void {
  const fail = (what: string): never => {
    throw new OsqueryError('OSQUERY_INVALID', `table ${JSON.stringify(spec.name)}: ${what}`);
  };
  const checkName = (kind: string, name: string): void => {
    if (!NAME.test(name)) {
      fail(`${kind} name ${JSON.stringify(name)}; expected letters, digits and underscores`);
    }
  };
  checkName('table', spec.name);
  if (spec.columns.length === 0) fail('no columns');
  const seen = new Set<string>();
  const once = (kind: string, name: string): void => {
    checkName(kind, name);
    // SQL names are the same in upper and lower case.
    const key = name.toLowerCase();
    if (seen.has(key)) fail(`${kind} ${name} appears twice`);
    seen.add(key);
  };
  for (const column of spec.columns) {
    once('column', column.name);
    if (!TYPES.includes(column.type)) {
      fail(
        `column ${column.name} has type ${JSON.stringify(column.type)}; expected one of ${TYPES.join(', ')}`,
      );
    }
  }
  for (const [alias, target] of Object.entries(spec.columnAliases ?? {})) {
    once('column alias', alias);
    if (!spec.columns.some(column => column.name === target))
      fail(`column alias ${alias} of unknown column ${target}`);
  }
  for (const alias of spec.aliases ?? []) {
    checkName('alias', alias);
    if (alias.toLowerCase() === spec.name.toLowerCase()) fail('alias is the name of the table itself');
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
