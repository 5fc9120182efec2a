// Constraint operators in SQLite's numbering (SQLITE_INDEX_CONSTRAINT_* of sqlite3.h), which core uses.

/** SQLITE_INDEX_CONSTRAINT_UNIQUE: it is in core's list, but SQLite does not send it. */
export const CONSTRAINT_UNIQUE = 1;
/** `=`, and each value of an `IN`. */
export const CONSTRAINT_EQ = 2;
/** `>` */
export const CONSTRAINT_GT = 4;
/** `<=` */
export const CONSTRAINT_LE = 8;
/** `<` */
export const CONSTRAINT_LT = 16;
/** `>=` */
export const CONSTRAINT_GE = 32;
/** `MATCH` */
export const CONSTRAINT_MATCH = 64;
/** `LIKE`: `%` and `_` are wildcards; ASCII letters are equal in both cases. */
export const CONSTRAINT_LIKE = 65;
/** `GLOB`: `*`, `?` and `[...]` are wildcards. */
export const CONSTRAINT_GLOB = 66;
/** `REGEXP` */
export const CONSTRAINT_REGEXP = 67;
/** `<>` */
export const CONSTRAINT_NE = 68;
/** `IS NOT` */
export const CONSTRAINT_ISNOT = 69;
/** `IS NOT NULL` */
export const CONSTRAINT_ISNOTNULL = 70;
/** `IS NULL` */
export const CONSTRAINT_ISNULL = 71;
/** `IS` */
export const CONSTRAINT_IS = 72;
/** Not about a column at all, although core sends it with the table's first one. */
export const CONSTRAINT_LIMIT = 73;
/** Like CONSTRAINT_LIMIT. */
export const CONSTRAINT_OFFSET = 74;

/** The operators that compare a column. */
export const COLUMN_CONSTRAINT_OPS: ReadonlySet<number> = new Set([
  CONSTRAINT_UNIQUE,
  CONSTRAINT_EQ,
  CONSTRAINT_GT,
  CONSTRAINT_LE,
  CONSTRAINT_LT,
  CONSTRAINT_GE,
  CONSTRAINT_MATCH,
  CONSTRAINT_LIKE,
  CONSTRAINT_GLOB,
  CONSTRAINT_REGEXP,
  CONSTRAINT_NE,
  CONSTRAINT_ISNOT,
  CONSTRAINT_ISNOTNULL,
  CONSTRAINT_ISNULL,
  CONSTRAINT_IS,
]);
