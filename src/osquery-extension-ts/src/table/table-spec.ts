import { OsqueryError, shown } from '../errors.ts';
import {
  COLLATION_BITS,
  COLUMN_OPTION_BITS,
  type ColumnSpec,
  columnOptionBits,
  columnOptions,
} from './column.ts';
import type { PluginRow } from './encoded-rows.ts';

/** What core should know about a table as a whole; osquery's TableAttributes. */
export interface TableAttributes {
  /** Always available, even without osquery's services. */
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
  /** For people, like the next four: part of the table's JSON, not sent to core. */
  readonly description?: string;
  readonly notes?: string;
  /** Example statements. */
  readonly examples?: readonly string[];
  /** "linux", "darwin", "windows" ... */
  readonly platforms?: readonly string[];
  readonly url?: string;
}

/** How a table is used, as far as its route rows depend on it. */
export interface TableUse {
  /** It has INSERT or UPDATE: its columns are `nullable`, unless they say otherwise. */
  readonly isWritable?: boolean;
}

/**
 * The route rows that describe a table to core, in the order and with the keys of osquery's own tables: columns,
 * aliases, column aliases by their column's name, attributes.
 *
 * @throws OsqueryError OSQUERY_INVALID when the table is invalid: core would fail later and say less
 */
export function columnRoutes(spec: TableSpec, { isWritable = false }: TableUse = {}): PluginRow[] {
  checkTableSpec(spec);
  return [
    ...spec.columns.map(column => ({
      id: 'column',
      name: column.name,
      type: column.type,
      op: String(columnOptionBits({ nullable: isWritable, ...columnOptions(column) })),
    })),
    ...(spec.aliases ?? []).map(alias => ({ id: 'alias', alias })),
    ...columnAliasesOf(spec).map(([name, target]) => ({ id: 'columnAlias', name, target })),
    { id: 'attributes', attributes: String(tableAttributeBits(spec.attributes)) },
  ];
}

/** A table's column aliases with their columns, in the order of the route rows. */
export function columnAliasesOf(spec: TableSpec): readonly (readonly [alias: string, column: string])[] {
  return Object.entries<string>(spec.columnAliases ?? {}).sort(
    ([aliasA, targetA], [aliasB, targetB]) => compare(targetA, targetB) || compare(aliasA, aliasB),
  );
}

/** The bits of a table's attributes together. */
export function tableAttributeBits(attributes: TableAttributes = {}): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(TABLE_ATTRIBUTE_BITS)) {
    if (attributes[name as keyof typeof TABLE_ATTRIBUTE_BITS]) bits |= bit;
  }
  return bits;
}

/** Core does not quote all names in its SQL. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TYPES: readonly string[] = ['TEXT', 'INTEGER', 'BIGINT', 'UNSIGNED BIGINT', 'DOUBLE', 'BLOB'];

const SPEC_KEYS = [
  ...['name', 'columns', 'aliases', 'columnAliases', 'attributes'],
  ...['description', 'notes', 'examples', 'platforms', 'url'],
];
const OPTION_KEYS = [...Object.keys(COLUMN_OPTION_BITS), 'collation', 'nullable'];
const COLUMN_KEYS = ['name', 'type', 'options', 'description', ...OPTION_KEYS];
const COLLATIONS = Object.keys(COLLATION_BITS);
const ATTRIBUTES = Object.keys(TABLE_ATTRIBUTE_BITS);

type Fail = (what: string) => never;

/** The compiler's checks, for authors without one; and others. */
export function checkTableSpec(spec: TableSpec): void {
  if (typeof spec !== 'object' || spec === null) {
    throw new OsqueryError('OSQUERY_INVALID', `table: expected { name, columns }, got ${shown(spec)}`);
  }
  const fail: Fail = what => {
    throw new OsqueryError('OSQUERY_INVALID', `table ${shown(spec.name)}: ${what}`);
  };
  checkName(fail, 'table', spec.name);
  checkKeys(fail, 'a table', spec, SPEC_KEYS);
  if (!Array.isArray(spec.columns)) fail(`columns: expected a list of columns, got ${shown(spec.columns)}`);
  if (spec.columns.length === 0) fail('no columns');
  const seen = new Set<string>();
  const once = (kind: string, name: string): void => {
    checkName(fail, kind, name);
    // SQL names are the same in upper and lower case.
    const key = name.toLowerCase();
    if (seen.has(key)) fail(`${kind} ${name} appears twice`);
    seen.add(key);
  };
  for (const column of spec.columns) {
    if (typeof column !== 'object' || column === null) {
      fail(`expected a column { name, type }, got ${shown(column)}`);
    }
    once('column', column.name);
    checkColumn(fail, column);
  }
  for (const [alias, target] of Object.entries(spec.columnAliases ?? {})) {
    once('column alias', alias);
    if (!spec.columns.some(column => column.name === target))
      fail(`column alias ${alias} of unknown column ${target}`);
  }
  for (const alias of spec.aliases ?? []) {
    checkName(fail, 'alias', alias);
    if (alias.toLowerCase() === spec.name.toLowerCase()) fail('alias is the name of the table itself');
  }
  checkFlags(fail, 'attribute', spec.attributes ?? {}, { known: ATTRIBUTES });
}

function checkColumn(fail: Fail, column: ColumnSpec): void {
  const what = `column ${column.name}`;
  if (!TYPES.includes(column.type)) {
    fail(`${what} has type ${shown(column.type)}; expected one of ${TYPES.join(', ')}`);
  }
  checkKeys(fail, what, column, COLUMN_KEYS);
  const { collation, ...flags } = columnOptions(column);
  checkFlags(fail, `${what}: option`, flags, { known: OPTION_KEYS, others: ['collation'] });
  if (collation !== undefined && !COLLATIONS.includes(collation)) {
    fail(`${what} has collation ${shown(collation)}; expected one of ${COLLATIONS.join(', ')}`);
  }
}

function checkName(fail: Fail, kind: string, name: unknown): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    fail(`${kind} name ${shown(name)}; expected letters, digits and underscores`);
  }
}

function checkKeys(fail: Fail, what: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) fail(`${what} has no ${shown(key)}; expected one of ${known.join(', ')}`);
  }
}

/** Options are true, false or undefined. */
function checkFlags(
  fail: Fail,
  what: string,
  flags: object,
  { known, others = [] }: { readonly known: readonly string[]; readonly others?: readonly string[] },
): void {
  for (const [name, value] of Object.entries(flags)) {
    if (!known.includes(name) && !others.includes(name)) {
      fail(`${what} ${shown(name)} does not exist; expected one of ${known.join(', ')}`);
    }
    if (value !== undefined && typeof value !== 'boolean') {
      fail(`${what} ${name}: expected true or false, got ${shown(value)}`);
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
