/**
 * Names and types of a statement's result columns, without running it (`getQueryColumns`). SQLite knows the type of a
 * plain table column. For expressions, core derives the type from the program that the statement compiles to.
 *
 * Source: osquery 5.23 `sql/sqlite_util.cpp` (QueryPlanner).
 */
import type { QueryColumn } from './protocol.ts';
import { toColumnType } from './table-definition.ts';
import { cString, type Database, SQLITE_INTEGER, SQLITE_OK, SQLITE_ROW, withCString } from './wasm.ts';

/** The register an opcode writes, and the type of what it writes. */
const OPCODE_RESULTS: Readonly<Record<string, readonly [register: 'p2' | 'p3', type: string]>> = {
  Concat: ['p3', 'TEXT'],
  AggStep: ['p3', 'BIGINT'],
  AggStep0: ['p3', 'BIGINT'],
  Integer: ['p2', 'INTEGER'],
  Int64: ['p2', 'BIGINT'],
  String: ['p2', 'TEXT'],
  String8: ['p2', 'TEXT'],
  Or: ['p3', 'INTEGER'],
  And: ['p3', 'INTEGER'],
  BitAnd: ['p3', 'BIGINT'],
  BitOr: ['p3', 'BIGINT'],
  ShiftLeft: ['p3', 'BIGINT'],
  ShiftRight: ['p3', 'BIGINT'],
  Add: ['p3', 'BIGINT'],
  Subtract: ['p3', 'BIGINT'],
  Multiply: ['p3', 'BIGINT'],
  Divide: ['p3', 'BIGINT'],
  Remainder: ['p3', 'BIGINT'],
  Not: ['p2', 'INTEGER'],
  IsNull: ['p2', 'INTEGER'],
  NotNull: ['p2', 'INTEGER'],
  Ne: ['p2', 'INTEGER'],
  Eq: ['p2', 'INTEGER'],
  Gt: ['p2', 'INTEGER'],
  Le: ['p2', 'INTEGER'],
  Lt: ['p2', 'INTEGER'],
  Ge: ['p2', 'INTEGER'],
  IfNeg: ['p2', 'INTEGER'],
  IfNotZero: ['p2', 'INTEGER'],
};

/** What `CAST(… AS type)` casts to, by SQLite's affinity letter. */
const CAST_TYPES: Readonly<Record<string, string>> = { A: 'BLOB', B: 'TEXT', D: 'BIGINT', E: 'DOUBLE' };

interface Instruction {
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
}

const prepared = <T>(database: Database, sql: string, use: (statement: number) => T): T => {
  const { raw, db, sqlite } = database;
  const { wasm } = sqlite;
  const scope = wasm.pstack.pointer;
  const out = wasm.pstack.alloc(8);
  try {
    const rc = withCString(database, sql, start => raw.sqlite3_prepare_v2(db, start, -1, out, 0));
    const statement = wasm.peekPtr(out);
    if (rc !== SQLITE_OK || statement === 0) {
      throw new Error(
        rc === SQLITE_OK ? 'expected a statement, got none' : cString(database, raw.sqlite3_errmsg(db)),
      );
    }
    try {
      return use(statement);
    } finally {
      raw.sqlite3_finalize(statement);
    }
  } finally {
    wasm.pstack.restore(scope);
  }
};

const program = (database: Database, sql: string): Instruction[] =>
  prepared(database, `EXPLAIN ${sql}`, statement => {
    const { raw } = database;
    const number = (column: number): number =>
      raw.sqlite3_column_type(statement, column) === SQLITE_INTEGER
        ? Number(raw.sqlite3_column_int64(statement, column))
        : 0;
    const instructions: Instruction[] = [];
    while (raw.sqlite3_step(statement) === SQLITE_ROW) {
      const opcode = cString(database, raw.sqlite3_column_text(statement, 1));
      instructions.push({ opcode, p1: number(2), p2: number(3), p3: number(4) });
    }
    return instructions;
  });

const inferTypes = (instructions: readonly Instruction[], types: string[]): void => {
  const registers = new Map<number, string>();
  for (const { opcode, p1, p2, p3 } of instructions) {
    if (opcode === 'ResultRow') {
      for (const [register, type] of registers) {
        if (register >= p1 && register - p1 < types.length) types[register - p1] = type;
      }
    } else if (opcode === 'Copy') {
      for (let offset = 0; offset <= p3; offset += 1) {
        const type = registers.get(p1 + offset);
        if (type === undefined) continue;
        registers.set(p2 + offset, type);
        registers.delete(p1 + offset);
      }
    } else if (opcode === 'Cast') {
      registers.set(p1, CAST_TYPES[String.fromCharCode(p2)] ?? 'UNKNOWN');
    }
    const result = OPCODE_RESULTS[opcode];
    if (result !== undefined) registers.set(result[0] === 'p2' ? p2 : p3, result[1]);
  }
};

/** Throws with SQLite's message when the statement cannot be prepared. */
export const queryColumns = (database: Database, sql: string): readonly QueryColumn[] => {
  const { raw } = database;
  const columns = prepared(database, sql, statement =>
    Array.from({ length: raw.sqlite3_column_count(statement) }, (_, index) => {
      const declared = raw.sqlite3_column_decltype(statement, index);
      return {
        name: cString(database, raw.sqlite3_column_name(statement, index)),
        declared: declared === 0 ? undefined : cString(database, declared),
      };
    }),
  );
  const types = columns.map(({ declared }) => (declared === undefined ? 'UNKNOWN' : toColumnType(declared)));
  if (columns.some(({ declared }) => declared === undefined)) inferTypes(program(database, sql), types);
  return columns.map(({ name }, index) => ({ name, type: types[index]! }));
};
