/**
 * The part of SQLite's WASM build that the worker uses. The package's own types do not describe its virtual-table
 * helpers as they behave, and its argument conversion is too slow on hot paths; so both are typed here, narrowly.
 */

/** A C struct in SQLite's memory. */
export interface StructInstance {
  readonly pointer: number;
  dispose(): void;
}

/** sqlite3_index_info, with its arrays. */
export interface IndexInfo extends StructInstance {
  readonly $nConstraint: number;
  readonly $colUsed: bigint;
  $idxNum: number;
  $estimatedCost: number;
  nthConstraint(index: number): { readonly $iColumn: number; readonly $op: number; readonly $usable: number };
  nthConstraintUsage(index: number): { $argvIndex: number };
}

interface StructFactory {
  /** Makes the struct and writes its pointer through `out`. */
  create(out: number): StructInstance;
  /** Forgets the struct and returns it, so that it can be disposed of. */
  unget(pointer: number): StructInstance | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: C callbacks come in every shape
type Callback = (...values: any[]) => unknown;

export interface Sqlite {
  readonly capi: {
    readonly SQLITE_OK: number;
    readonly SQLITE_DENY: number;
    readonly SQLITE_PRAGMA: number;
    readonly SQLITE_UTF8: number;
    readonly SQLITE_DETERMINISTIC: number;
    readonly SQLITE_DBCONFIG_DQS_DML: number;
    readonly SQLITE_DBCONFIG_DQS_DDL: number;
    sqlite3_open(name: string, out: number): number;
    sqlite3_close_v2(db: number): number;
    sqlite3_errmsg(db: number): string;
    sqlite3_db_config(db: number, option: number, value: number, out: number): number;
    sqlite3_exec(db: number, sql: string, callback: 0, argument: 0, error: 0): number;
    sqlite3_create_module(db: number, name: string, module: number, aux: number): number;
    sqlite3_create_function(
      db: number,
      name: string,
      arity: number,
      flags: number,
      app: 0,
      call: Callback,
      step: 0,
      final: 0,
    ): number;
    sqlite3_create_collation_v2(
      db: number,
      name: string,
      encoding: number,
      app: 0,
      compare: Callback,
      destroy: 0,
    ): number;
    sqlite3_progress_handler(db: number, steps: number, callback: Callback, argument: 0): void;
    sqlite3_set_authorizer(db: number, callback: Callback, argument: 0): number;
  };
  readonly wasm: {
    readonly exports: RawExports;
    readonly pstack: {
      readonly pointer: number;
      alloc(bytes: number): number;
      restore(pointer: number): void;
    };
    heap8u(): Uint8Array<ArrayBuffer>;
    peekPtr(pointer: number): number;
    pokePtr(pointer: number, value: number): unknown;
    poke(pointer: number, value: number | bigint, type: string): unknown;
    allocCString(text: string): number;
    cstrToJs(pointer: number): string | null;
  };
  readonly vtab: {
    readonly xVtab: StructFactory;
    readonly xCursor: StructFactory;
    xIndexInfo(pointer: number): IndexInfo;
    setupModule(options: { readonly methods: Readonly<Record<string, Callback>> }): StructInstance;
  };
}

/** Raw exports: pointers are numbers, int64 is bigint. */
export interface RawExports {
  sqlite3_prepare_v2(db: number, sql: number, bytes: number, stmt: number, tail: number): number;
  sqlite3_step(stmt: number): number;
  sqlite3_finalize(stmt: number): number;
  sqlite3_errmsg(db: number): number;
  sqlite3_column_count(stmt: number): number;
  sqlite3_column_name(stmt: number, column: number): number;
  sqlite3_column_decltype(stmt: number, column: number): number;
  sqlite3_column_type(stmt: number, column: number): number;
  sqlite3_column_int64(stmt: number, column: number): bigint;
  sqlite3_column_double(stmt: number, column: number): number;
  sqlite3_column_text(stmt: number, column: number): number;
  sqlite3_column_blob(stmt: number, column: number): number;
  sqlite3_column_bytes(stmt: number, column: number): number;
  sqlite3_value_type(value: number): number;
  sqlite3_value_text(value: number): number;
  sqlite3_value_blob(value: number): number;
  sqlite3_value_bytes(value: number): number;
  sqlite3_value_int64(value: number): bigint;
  sqlite3_value_double(value: number): number;
  sqlite3_result_null(context: number): void;
  sqlite3_result_int(context: number, value: number): void;
  sqlite3_result_int64(context: number, value: bigint): void;
  sqlite3_result_double(context: number, value: number): void;
  sqlite3_result_text(context: number, text: number, bytes: number, destructor: number): void;
  sqlite3_malloc(bytes: number): number;
  sqlite3_free(pointer: number): void;
  sqlite3_declare_vtab(db: number, sql: number): number;
  sqlite3_vtab_in(info: number, constraint: number, handle: number): number;
  sqlite3_vtab_in_first(value: number, out: number): number;
  sqlite3_vtab_in_next(value: number, out: number): number;
}

/** sqlite3.h: the destructor that makes SQLite copy the text before returning. */
export const SQLITE_TRANSIENT = -1;

export const SQLITE_OK = 0;
export const SQLITE_ERROR = 1;
export const SQLITE_READONLY = 8;
export const SQLITE_INTERRUPT = 9;
export const SQLITE_CONSTRAINT = 19;
export const SQLITE_MISMATCH = 20;
export const SQLITE_RANGE = 25;
export const SQLITE_ROW = 100;
export const SQLITE_DONE = 101;

export const SQLITE_INTEGER = 1;
export const SQLITE_FLOAT = 2;
export const SQLITE_BLOB = 4;
export const SQLITE_NULL = 5;

/** An open database and what is needed to reach into SQLite's memory. */
export interface Database {
  readonly sqlite: Sqlite;
  readonly raw: RawExports;
  readonly db: number;
}

/** SQLite's memory. It becomes stale as soon as SQLite allocates, so it is never kept. */
export const heap = (database: Database): Uint8Array<ArrayBuffer> => database.sqlite.wasm.heap8u();

/** The bytes of a value as text, or undefined for NULL. Text ends at the first NUL, as for C string readers. */
export const valueText = (database: Database, value: number): string | undefined => {
  const { raw } = database;
  const pointer = raw.sqlite3_value_text(value);
  if (pointer === 0) return undefined;
  const length = raw.sqlite3_value_bytes(value);
  const bytes = heap(database);
  const nul = bytes.subarray(pointer, pointer + length).indexOf(0);
  return Buffer.from(bytes.buffer, pointer, nul < 0 ? length : nul).toString();
};

export const cString = (database: Database, pointer: number): string =>
  pointer === 0 ? '' : (database.sqlite.wasm.cstrToJs(pointer) ?? '');

/** Runs `use` with a NUL-terminated copy of the text in SQLite's memory. */
export const withCString = <T>(database: Database, text: string, use: (pointer: number) => T): T => {
  const pointer = database.sqlite.wasm.allocCString(text);
  try {
    return use(pointer);
  } finally {
    database.raw.sqlite3_free(pointer);
  }
};
