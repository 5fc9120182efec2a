/**
 * Core's view of a table: the columns, options, aliases and attributes that a plugin's route rows announce, and the
 * CREATE TABLE statement that core declares to SQLite for them.
 *
 * Source: osquery 5.23 `core/tables.cpp` (columnDefinition) and `sql/virtual_table.cpp` (xCreate).
 */

export type ColumnType =
  | 'TEXT'
  | 'INTEGER'
  | 'BIGINT'
  | 'UNSIGNED BIGINT'
  | 'DOUBLE'
  | 'BLOB'
  /** Core's type for any type name that it does not know, including `UNSIGNED_BIGINT` with an underscore. */
  | 'UNKNOWN';

const COLUMN_TYPES: ReadonlySet<string> = new Set<ColumnType>([
  'TEXT',
  'INTEGER',
  'BIGINT',
  'UNSIGNED BIGINT',
  'DOUBLE',
  'BLOB',
]);

/** Bits of a column's `op`. */
export const COLUMN_INDEX = 1;
export const COLUMN_REQUIRED = 2;
export const COLUMN_ADDITIONAL = 4;
export const COLUMN_OPTIMIZED = 8;
export const COLUMN_HIDDEN = 16;

/** Collation bits of a column's `op`, in the order in which core tests them. */
const COLLATIONS: readonly (readonly [bit: number, name: string])[] = [
  [32, 'BINARY'],
  [64, 'NOCASE'],
  [128, 'RTRIM'],
  [256, 'VERSION'],
  [512, 'VERSION_ARCH'],
  [1024, 'VERSION_DPKG'],
  [2048, 'VERSION_RHEL'],
];

/** Bits of a table's `attributes`. */
export const TABLE_EVENT_BASED = 4;
export const TABLE_USER_BASED = 8;

export interface DefinedColumn {
  readonly name: string;
  /** An alias column has its target's type in the CREATE statement, and UNKNOWN in query contexts. */
  readonly type: ColumnType;
  /** The `op` bits as announced. */
  readonly options: number;
  /** For a column alias: the index of the column it stands for. */
  readonly aliasOf: number | undefined;
}

export interface TableDefinition {
  readonly name: string;
  readonly columns: readonly DefinedColumn[];
  /** Names under which core creates views of the table. */
  readonly views: readonly string[];
  readonly attributes: number;
  /** Whether an extension serves the table: then it keeps its rowid, and columns without options count as indexed. */
  readonly extension: boolean;
}

/** One row of a plugin's route information, as it comes over Thrift. */
export type RouteRow = Readonly<Record<string, string>>;

export const toColumnType = (name: string): ColumnType =>
  COLUMN_TYPES.has(name) ? (name as ColumnType) : 'UNKNOWN';

const decimal = (text: string | undefined): number => {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isSafeInteger(value) ? value : 0;
};

/** Reads route rows (ids `column`, `columnAlias`, `alias`, `attributes`). Others are ignored, as in core. */
export const parseRoutes = (options: {
  readonly name: string;
  readonly rows: readonly RouteRow[];
  readonly extension: boolean;
}): TableDefinition => {
  const columns: DefinedColumn[] = [];
  const views = new Set<string>();
  let attributes = 0;
  for (const row of options.rows) {
    const { id, name, type, op, target, alias } = row;
    if (id === 'column' && name !== undefined && type !== undefined) {
      columns.push({ name, type: toColumnType(type), options: decimal(op), aliasOf: undefined });
    } else if (id === 'columnAlias' && name !== undefined && target !== undefined) {
      const aliasOf = columns.findIndex(column => column.name === target);
      // If its target is not among the columns before it, core cannot type the alias and leaves it out.
      if (aliasOf >= 0) columns.push({ name, type: 'UNKNOWN', options: COLUMN_HIDDEN, aliasOf });
    } else if (id === 'alias' && alias !== undefined) {
      views.add(alias);
    } else if (id === 'attributes') {
      attributes = decimal(row.attributes);
    }
  }
  return {
    name: options.name,
    columns,
    views: [...views].sort(),
    attributes,
    extension: options.extension,
  };
};

/** Core inserts names into SQL unquoted, so anything but a plain identifier fails there too. */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** True for a name that can stand in the statements core builds. */
export const isIdentifier = (name: string): boolean => IDENTIFIER.test(name);

/** Throws when the name could not stand in the statements core builds. */
export const assertIdentifier = (name: string): string => {
  if (!isIdentifier(name)) {
    throw new Error(
      `expected a table name of letters, digits and underscores, got ${JSON.stringify(name)}: rename the table`,
    );
  }
  return name;
};

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** The declaration for SQLite: `CREATE TABLE name(…)`, with aliases as hidden columns and indexes as primary key. */
export const createTableStatement = (table: TableDefinition): string => {
  const indexed = table.columns.some(column => column.options & COLUMN_INDEX);
  const keyed = table.columns.filter(column => column.options & (COLUMN_INDEX | COLUMN_ADDITIONAL));
  // If there are only ADDITIONAL columns, the whole row is the key; otherwise a constraint would make duplicate row
  // ids.
  const keys = keyed.length > 0 && !indexed ? table.columns : keyed;
  const parts = table.columns.map(column => {
    const type = column.aliasOf === undefined ? column.type : table.columns[column.aliasOf]!.type;
    const hidden = column.options & COLUMN_HIDDEN ? ' HIDDEN' : '';
    const collation = COLLATIONS.find(([bit]) => column.options & bit);
    return `${quoted(column.name)} ${type}${hidden}${collation ? ` COLLATE ${collation[1]}` : ''}`;
  });
  if (keys.length > 0) parts.push(`PRIMARY KEY (${keys.map(key => quoted(key.name)).join(', ')})`);
  const epilog = keyed.length > 0 && !table.extension ? ' WITHOUT ROWID' : '';
  return `CREATE TABLE ${assertIdentifier(table.name)}(${parts.join(', ')})${epilog}`;
};
