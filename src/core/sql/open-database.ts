/** Opens SQLite as core sets it up: in memory, with an allowlist of what statements may do. */
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { CORE_FUNCTIONS, compareVersions, type SqlValue } from './functions.ts';
import type { Database, Sqlite } from './wasm.ts';

/** SQLite's own steps between two looks at the interrupt flag, which take some tens of microseconds. */
const PROGRESS_STEPS = 20_000;

/** Pragmas core allows (osquery 5.23 `sql/sqlite_util.h`). */
const ALLOWED_PRAGMAS: ReadonlySet<string> = new Set([
  'table_info',
  'table_xinfo',
  'function_list',
  'journal_mode',
  'case_sensitive_like',
  'collation_list',
]);

/** Actions that core allows; everything else, ATTACH above all, is denied. */
const ALLOWED_ACTIONS = [
  'SQLITE_READ',
  'SQLITE_SELECT',
  'SQLITE_INSERT',
  'SQLITE_UPDATE',
  'SQLITE_DELETE',
  'SQLITE_CREATE_VTABLE',
  'SQLITE_DROP_VTABLE',
  'SQLITE_CREATE_VIEW',
  'SQLITE_DROP_VIEW',
  'SQLITE_CREATE_TABLE',
  'SQLITE_DROP_TABLE',
  'SQLITE_CREATE_TEMP_TABLE',
  'SQLITE_DROP_TEMP_TABLE',
  'SQLITE_CREATE_TEMP_VIEW',
  'SQLITE_DROP_TEMP_VIEW',
  'SQLITE_FUNCTION',
  'SQLITE_RECURSIVE',
  'SQLITE_TRANSACTION',
] as const;

const VERSION_COLLATIONS = ['VERSION', 'VERSION_ARCH', 'VERSION_DPKG', 'VERSION_RHEL'];

export interface OpenDatabaseOptions {
  /** Whether the running statement should end. */
  readonly interrupted: () => boolean;
  /** Receives every action that the allowlist refused. */
  readonly denied: (message: string) => void;
}

export const openDatabase = async (options: OpenDatabaseOptions): Promise<Database> => {
  const quiet = { print: () => {}, printErr: () => {} };
  const init = sqlite3InitModule as unknown as (config: typeof quiet) => Promise<Sqlite>;
  const sqlite = await init(quiet);
  const { capi, wasm } = sqlite;
  const db = openInMemory(sqlite);
  // Core's SQLite takes "text" in double quotes as a string if no column has that name.
  capi.sqlite3_db_config(db, capi.SQLITE_DBCONFIG_DQS_DML, 1, 0);
  capi.sqlite3_db_config(db, capi.SQLITE_DBCONFIG_DQS_DDL, 1, 0);
  addFunctions(sqlite, db);
  addCollations(sqlite, db);
  capi.sqlite3_progress_handler(db, PROGRESS_STEPS, () => (options.interrupted() ? 1 : 0), 0);
  addAuthorizer(sqlite, db, options.denied);
  return { sqlite, raw: wasm.exports, db };
};

const openInMemory = ({ capi, wasm }: Sqlite): number => {
  const scope = wasm.pstack.pointer;
  try {
    const out = wasm.pstack.alloc(8);
    const rc = capi.sqlite3_open(':memory:', out);
    if (rc !== 0) throw new Error(`SQLite cannot open a database in memory: error ${rc}`);
    return wasm.peekPtr(out);
  } finally {
    wasm.pstack.restore(scope);
  }
};

const addFunctions = ({ capi }: Sqlite, db: number): void => {
  for (const { name, arity, call } of CORE_FUNCTIONS) {
    const rc = capi.sqlite3_create_function(
      db,
      name,
      arity,
      capi.SQLITE_UTF8 | capi.SQLITE_DETERMINISTIC,
      0,
      (_context: number, ...values: SqlValue[]) => call(...values),
      0,
      0,
    );
    if (rc !== capi.SQLITE_OK) throw refused(capi, db, `function ${name}`);
  }
};

const addCollations = ({ capi, wasm }: Sqlite, db: number): void => {
  const textAt = (length: number, pointer: number): string =>
    Buffer.from(wasm.heap8u().buffer, pointer, length).toString();
  // biome-ignore lint/complexity/useMaxParams: SQLite calls it.
  const compare = (_arg: number, leftLength: number, left: number, rightLength: number, right: number) =>
    compareVersions(textAt(leftLength, left), textAt(rightLength, right));
  for (const collation of VERSION_COLLATIONS) {
    const rc = capi.sqlite3_create_collation_v2(db, collation, capi.SQLITE_UTF8, 0, compare, 0);
    if (rc !== capi.SQLITE_OK) throw refused(capi, db, `collation ${collation}`);
  }
};

const addAuthorizer = ({ capi }: Sqlite, db: number, denied: OpenDatabaseOptions['denied']): void => {
  const constants = capi as unknown as Readonly<Record<string, number>>;
  const allowed = new Set(ALLOWED_ACTIONS.map(name => constants[name]));
  const rc = capi.sqlite3_set_authorizer(
    db,
    (_arg: number, action: number, first: string | 0 | null, second: string | 0 | null) => {
      if (allowed.has(action)) return capi.SQLITE_OK;
      if (action === capi.SQLITE_PRAGMA && first && ALLOWED_PRAGMAS.has(first.toLowerCase())) {
        return capi.SQLITE_OK;
      }
      denied(`Authorizer denied action ${action} ${first || 'null'} ${second || 'null'}`);
      return capi.SQLITE_DENY;
    },
    0,
  );
  if (rc !== capi.SQLITE_OK) throw refused(capi, db, 'an authorizer');
};

const refused = (capi: Sqlite['capi'], db: number, what: string): Error =>
  new Error(`SQLite refuses ${what}: ${capi.sqlite3_errmsg(db)}`);
