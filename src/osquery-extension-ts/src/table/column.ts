/** osquery's column types, by the names it uses on the wire. */
export type ColumnType = 'TEXT' | 'INTEGER' | 'BIGINT' | 'UNSIGNED BIGINT' | 'DOUBLE' | 'BLOB';

/** SQL collations that osquery knows. */
export type Collation =
  | 'BINARY'
  | 'NOCASE'
  | 'RTRIM'
  | 'VERSION'
  | 'VERSION_ARCH'
  | 'VERSION_DPKG'
  | 'VERSION_RHEL';

/** How core treats a column; osquery's ColumnOptions. */
export interface ColumnOptions {
  /** The column identifies a row: constraints on it are passed down, and it is part of the primary key. */
  readonly index?: boolean;
  /** A query without a constraint on the column fails. */
  readonly required?: boolean;
  /** A constraint on the column may make rows appear that are not there without it. */
  readonly additional?: boolean;
  /** With index: all values of an IN are passed down in one call. */
  readonly optimized?: boolean;
  /** Not part of `SELECT *`. */
  readonly hidden?: boolean;
  readonly collation?: Collation;
  /**
   * INSERT and UPDATE may leave the column out or give NULL. Core refuses both (`datatype mismatch`) for a column
   * whose only option is `index`, and an extension's column without any option counts as one; so a collation of
   * BINARY, which is SQLite's default anyway, is added. True for every column of a table with `insert` or `update`.
   */
  readonly nullable?: boolean;
}

/** One column of a table. Its options are beside name and type, or together under `options`. */
export interface ColumnSpec extends ColumnOptions {
  readonly name: string;
  readonly type: ColumnType;
  readonly options?: ColumnOptions;
  /** For people: part of the table's JSON, not sent to core. */
  readonly description?: string;
}

/** Bits of the `op` of a column's route row. */
export const COLUMN_OPTION_BITS = {
  index: 1,
  required: 2,
  additional: 4,
  optimized: 8,
  hidden: 16,
} as const;

/** The collations' bits, in the same number. */
export const COLLATION_BITS: Readonly<Record<Collation, number>> = {
  BINARY: 32,
  NOCASE: 64,
  RTRIM: 128,
  VERSION: 256,
  VERSION_ARCH: 512,
  VERSION_DPKG: 1024,
  VERSION_RHEL: 2048,
};

/** The options of a column, in either place. */
export function columnOptions(column: ColumnSpec): ColumnOptions {
  const { name: _name, type: _type, description: _description, options, ...beside } = column;
  return { ...options, ...beside };
}

/** The combined bits of a column's options. */
export function columnOptionBits(options: ColumnOptions = {}): number {
  let bits = options.collation === undefined ? 0 : COLLATION_BITS[options.collation];
  for (const [name, bit] of Object.entries(COLUMN_OPTION_BITS)) {
    if (options[name as keyof typeof COLUMN_OPTION_BITS]) bits |= bit;
  }
  return options.nullable ? nullableBits(bits) : bits;
}

/**
 * The same options in a form with which core accepts NULL in a write: it refuses NULL if a column's bits are only
 * INDEX or REQUIRED, and treats no bits at all as INDEX (serializeUpdateParameters and xCreate in osquery's
 * sql/virtual_table.cpp).
 */
function nullableBits(bits: number): number {
  const effective = bits === 0 ? COLUMN_OPTION_BITS.index : bits;
  const refused = effective === COLUMN_OPTION_BITS.index || effective === COLUMN_OPTION_BITS.required;
  return refused ? effective | COLLATION_BITS.BINARY : bits;
}

/** What a row may hold in a column of each type. Integers are written exactly, in decimal; true is 1, false 0. */
export interface ColumnValues {
  TEXT: string;
  INTEGER: number | bigint | boolean;
  BIGINT: number | bigint | boolean;
  'UNSIGNED BIGINT': number | bigint | boolean;
  DOUBLE: number;
  BLOB: Uint8Array | string;
}

/**
 * A row of a table with these columns: every name may be absent, null or undefined, which all mean NULL; a name that
 * is not a column does not compile.
 */
export type Row<Columns extends readonly ColumnSpec[]> = {
  readonly [C in Columns[number] as C['name']]?: ColumnValues[C['type']] | null | undefined;
};
