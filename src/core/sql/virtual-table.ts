/**
 * SQLite's virtual-table callbacks for every table of core: planning, the call that fetches rows, and reading them.
 * One module serves all tables; SQLite tells it which by name.
 *
 * No callback may throw: an exception would unwind SQLite's own frames and leave it in an unknown state.
 */
import { messageOf } from '../../runtime/message-of.ts';
import { parseDouble, parseInteger } from './integer-text.ts';
import {
  type ContextConstraint,
  contextJson,
  contextOrder,
  effectiveOptions,
  OP_EQ,
  planQuery,
  type QueryPlan,
} from './query-context.ts';
import { type EncodedRowList, RowCursor } from './row-cursor.ts';
import {
  assertIdentifier,
  COLUMN_REQUIRED,
  createTableStatement,
  isIdentifier,
  TABLE_EVENT_BASED,
  TABLE_USER_BASED,
  type TableDefinition,
} from './table-definition.ts';
import { type TableRequest, updateRequest, updateResult } from './table-update.ts';
import {
  type Database,
  heap,
  SQLITE_CONSTRAINT,
  SQLITE_ERROR,
  SQLITE_INTERRUPT,
  SQLITE_OK,
  SQLITE_TRANSIENT,
  type StructInstance,
  valueText,
  withCString,
} from './wasm.ts';

/** What a table's plugin answered. */
export type CallOutcome =
  | { readonly kind: 'rows'; readonly rows: EncodedRowList }
  | { readonly kind: 'error'; readonly message: string; readonly interrupted: boolean };

export interface VirtualTableHost {
  readonly definition: (name: string) => TableDefinition | undefined;
  /** Blocks until the plugin has answered. */
  readonly call: (table: string, request: TableRequest) => CallOutcome;
  readonly warn: (message: string) => void;
  readonly defaultIndex: boolean;
  readonly eventsEnabled: boolean;
  /** Core's `isUserAdmin()`. */
  readonly isRoot: boolean;
}

export interface VirtualTables {
  readonly attach: (table: TableDefinition) => void;
  readonly detach: (name: string) => void;
  /** Attributes of the tables that took part since the last call; also forgets their plans. */
  readonly endStatement: () => number;
}

interface TableInstance {
  readonly table: TableDefinition;
  readonly order: readonly number[];
  readonly names: readonly string[];
  /** Column aliases that were read. */
  readonly readAliases: Set<number>;
}

interface Cursor {
  readonly instance: TableInstance;
  readonly tablePointer: number;
  rows: RowCursor | undefined;
  bytes: Uint8Array;
  /** The reply's copy in SQLite's memory, so that text goes to SQLite by pointer; 0 before the first xFilter. */
  memory: number;
}

/** Offset of zErrMsg in sqlite3_vtab: after the module pointer and the reference count. */
const VTAB_ERROR_OFFSET = 8;

const EMPTY = new Uint8Array(0);

export const createVirtualTables = (database: Database, host: VirtualTableHost): VirtualTables => {
  const { sqlite, raw, db } = database;
  const { capi, wasm, vtab } = sqlite;
  const instances = new Map<number, TableInstance>();
  const cursors = new Map<number, Cursor>();
  const attached = new Set<string>();
  const plans = new Map<number, QueryPlan>();
  let nextPlan = 0;
  let attributes = 0;

  const fail = (tablePointer: number, message: string, code = SQLITE_ERROR): number => {
    const slot = tablePointer + VTAB_ERROR_OFFSET;
    const previous = wasm.peekPtr(slot);
    if (previous !== 0) raw.sqlite3_free(previous);
    wasm.pokePtr(slot, wasm.allocCString(message));
    return code;
  };

  const guarded =
    <A extends unknown[]>(tableOf: (...values: A) => number, body: (...values: A) => number) =>
    (...values: A): number => {
      try {
        return body(...values);
      } catch (error) {
        return fail(tableOf(...values), messageOf(error));
      }
    };

  const release = (cursor: Cursor): void => {
    if (cursor.memory !== 0) raw.sqlite3_free(cursor.memory);
    cursor.memory = 0;
    cursor.rows = undefined;
    cursor.bytes = EMPTY;
  };

  const create = (
    pDb: number,
    _aux: number,
    argc: number,
    argv: number,
    ppVtab: number,
    pzErr: number,
  ): number => {
    try {
      const name = argc > 0 ? wasm.cstrToJs(wasm.peekPtr(argv)) : null;
      const table = name === null ? undefined : host.definition(name);
      // Reached without a definition through a view whose table has been detached.
      if (table === undefined) throw new Error(`no such table: ${name}`);
      const rc = withCString(database, createTableStatement(table), sql =>
        raw.sqlite3_declare_vtab(pDb, sql),
      );
      if (rc !== SQLITE_OK) throw new Error(`core cannot declare table ${name}: ${capi.sqlite3_errmsg(pDb)}`);
      const instance = vtab.xVtab.create(ppVtab);
      instances.set(instance.pointer, {
        table,
        order: contextOrder(table),
        names: table.columns.map(column => column.name),
        readAliases: new Set(),
      });
      return SQLITE_OK;
    } catch (error) {
      wasm.pokePtr(pzErr, wasm.allocCString(messageOf(error)));
      return SQLITE_ERROR;
    }
  };

  const destroy = (pVtab: number): number => {
    instances.delete(pVtab);
    vtab.xVtab.unget(pVtab)?.dispose();
    return SQLITE_OK;
  };

  const open = (pVtab: number, ppCursor: number): number => {
    const cursor = vtab.xCursor.create(ppCursor);
    cursors.set(cursor.pointer, {
      instance: instances.get(pVtab)!,
      tablePointer: pVtab,
      rows: undefined,
      bytes: EMPTY,
      memory: 0,
    });
    return SQLITE_OK;
  };

  const close = (pCursor: number): number => {
    release(cursors.get(pCursor)!);
    cursors.delete(pCursor);
    vtab.xCursor.unget(pCursor)?.dispose();
    return SQLITE_OK;
  };

  const bestIndex = guarded(
    (pVtab: number, _info: number) => pVtab,
    (pVtab, pInfo) => {
      const { table } = instances.get(pVtab)!;
      attributes |= table.attributes;
      const info = vtab.xIndexInfo(pInfo);
      try {
        const offered = Array.from({ length: info.$nConstraint }, (_, index) => {
          const constraint = info.nthConstraint(index);
          return {
            column: constraint.$iColumn,
            op: constraint.$op,
            usable: constraint.$usable !== 0,
            isIn: raw.sqlite3_vtab_in(pInfo, index, -1) !== 0,
          };
        });
        const plan = planQuery({
          table,
          offered,
          colUsed: BigInt.asUintN(64, info.$colUsed),
          defaultIndex: host.defaultIndex,
        });
        for (const [index, argument] of plan.argumentOf.entries()) {
          if (argument < 0) continue;
          if (plan.constraints[argument]!.allAtOnce) raw.sqlite3_vtab_in(pInfo, index, 1);
          info.nthConstraintUsage(index).$argvIndex = argument + 1;
        }
        info.$idxNum = nextPlan;
        info.$estimatedCost = plan.cost;
        plans.set(nextPlan, plan);
        // idxNum is a C int.
        nextPlan = (nextPlan + 1) & 0x7fffffff;
        return SQLITE_OK;
      } finally {
        info.dispose();
      }
    },
  );

  const readConstraints = (plan: QueryPlan, argc: number, argv: number): ContextConstraint[] => {
    const constraints: ContextConstraint[] = [];
    for (let index = 0; index < Math.min(argc, plan.constraints.length); index += 1) {
      const planned = plan.constraints[index]!;
      if (planned.ignored) continue;
      const value = wasm.peekPtr(argv + index * 4);
      if (planned.allAtOnce) {
        planned.allAtOnce = false;
        const scope = wasm.pstack.pointer;
        try {
          const out = wasm.pstack.alloc(8);
          let rc = raw.sqlite3_vtab_in_first(value, out);
          for (; rc === SQLITE_OK; rc = raw.sqlite3_vtab_in_next(value, out)) {
            const item = wasm.peekPtr(out);
            if (item === 0) break;
            const expr = valueText(database, item);
            if (expr !== undefined) constraints.push({ column: planned.column, op: OP_EQ, expr });
          }
        } finally {
          wasm.pstack.restore(scope);
        }
      } else {
        const expr = valueText(database, value);
        // Core passes on no NULL and no empty text.
        if (expr !== undefined && expr !== '')
          constraints.push({ column: planned.column, op: planned.op, expr });
      }
    }
    return constraints;
  };

  /** Warns as core does; true when the table cannot be read at all. */
  const lacksRequired = (table: TableDefinition, plan: QueryPlan): boolean => {
    const constrained = new Set(
      plan.constraints.filter(({ ignored }) => !ignored).map(({ column }) => column),
    );
    const required = table.columns.filter(
      column => effectiveOptions(column.options, table, host.defaultIndex) & COLUMN_REQUIRED,
    );
    const satisfied = required.length === 0 || required.some(column => constrained.has(column.name));
    const userBased =
      (table.attributes & TABLE_USER_BASED) !== 0 &&
      host.isRoot &&
      !constrained.has('uid') &&
      !constrained.has('username');
    if (userBased) {
      host.warn(
        `The ${table.name} table returns data based on the current user by default, consider JOINing against the users table`,
      );
    } else if (!satisfied) {
      host.warn(`Table ${table.name} was queried without a required column in the WHERE clause`);
    } else if ((table.attributes & TABLE_EVENT_BASED) !== 0 && !host.eventsEnabled) {
      host.warn(`Table ${table.name} is event-based but events are disabled`);
    }
    return !satisfied;
  };

  const filter = guarded(
    (pCursor: number, _idxNum: number, _idxStr: number, _argc: number, _argv: number) =>
      cursors.get(pCursor)!.tablePointer,
    (pCursor, idxNum, _idxStr, argc, argv) => {
      const cursor = cursors.get(pCursor)!;
      const { table, order, names } = cursor.instance;
      attributes |= table.attributes;
      release(cursor);
      const plan = plans.get(idxNum);
      if (plan === undefined) return fail(cursor.tablePointer, `no plan ${idxNum} for table ${table.name}`);
      const constraints = readConstraints(plan, argc, argv);
      if (lacksRequired(table, plan)) {
        const message = `Table ${table.name} was queried without a required column in the WHERE clause`;
        return fail(cursor.tablePointer, message, SQLITE_CONSTRAINT);
      }
      const context = contextJson({
        table,
        order,
        constraints,
        colsUsed: plan.colsUsed,
        colsUsedBitset: plan.colsUsedBitset,
      });
      const outcome = host.call(table.name, { action: 'generate', context });
      if (outcome.kind === 'error') {
        const code = outcome.interrupted ? SQLITE_INTERRUPT : SQLITE_ERROR;
        return fail(cursor.tablePointer, outcome.message, code);
      }
      const { bytes } = outcome.rows;
      if (bytes.length > 0) {
        cursor.memory = raw.sqlite3_malloc(bytes.length);
        if (cursor.memory === 0) {
          return fail(
            cursor.tablePointer,
            `out of memory for ${bytes.length} bytes of rows of ${table.name}`,
          );
        }
        heap(database).set(bytes, cursor.memory);
      }
      cursor.bytes = bytes;
      cursor.rows = new RowCursor(outcome.rows, names);
      return SQLITE_OK;
    },
  );

  const next = guarded(
    (pCursor: number) => cursors.get(pCursor)!.tablePointer,
    pCursor => {
      cursors.get(pCursor)!.rows?.next();
      return SQLITE_OK;
    },
  );

  const eof = (pCursor: number): number => (cursors.get(pCursor)?.rows?.eof === false ? 0 : 1);

  const column = guarded(
    (pCursor: number, _context: number, _index: number) => cursors.get(pCursor)!.tablePointer,
    (pCursor, context, index) => {
      const cursor = cursors.get(pCursor)!;
      const { table } = cursor.instance;
      const rows = cursor.rows;
      const defined = table.columns[index];
      if (defined === undefined || rows === undefined) return SQLITE_ERROR;
      const source = defined.aliasOf ?? index;
      if (defined.aliasOf !== undefined) cursor.instance.readAliases.add(index);
      const offset = rows.offsets[source]!;
      const length = rows.lengths[source]!;
      const type = table.columns[source]!.type;
      if (offset < 0) {
        raw.sqlite3_result_null(context);
      } else if (type === 'TEXT' || type === 'BLOB') {
        raw.sqlite3_result_text(context, cursor.memory + offset, length, SQLITE_TRANSIENT);
      } else if (type === 'DOUBLE') {
        const text = Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset + offset, length).toString(
          'latin1',
        );
        const value = parseDouble(text);
        if (value === undefined) raw.sqlite3_result_null(context);
        else raw.sqlite3_result_double(context, value);
      } else if (type === 'UNKNOWN') {
        raw.sqlite3_result_null(context);
      } else {
        const value = parseInteger(cursor.bytes, offset, offset + length);
        if (value === undefined) raw.sqlite3_result_null(context);
        // Core hands a C `long` to sqlite3_result_int, which keeps the low 32 bits.
        else if (type === 'INTEGER')
          raw.sqlite3_result_int(context, Number(BigInt.asIntN(32, BigInt(value))));
        else raw.sqlite3_result_int64(context, BigInt(value));
      }
      return SQLITE_OK;
    },
  );

  const rowid = guarded(
    (pCursor: number, _pRowid: number) => cursors.get(pCursor)!.tablePointer,
    (pCursor, pRowid) => {
      const cursor = cursors.get(pCursor)!;
      const rows = cursor.rows;
      if (rows === undefined || rows.eof) return SQLITE_ERROR;
      let value = BigInt(rows.row);
      if (rows.rowidOffset >= 0) {
        const text = Buffer.from(
          cursor.bytes.buffer,
          cursor.bytes.byteOffset + rows.rowidOffset,
          rows.rowidLength,
        ).toString('latin1');
        if (!/^[+-]?\d+/.test(text)) return SQLITE_ERROR;
        value = BigInt(/^[+-]?\d+/.exec(text)![0]);
      }
      wasm.poke(pRowid, BigInt.asIntN(64, value), 'i64');
      return SQLITE_OK;
    },
  );

  const update = guarded(
    (pVtab: number, _argc: number, _argv: number, _pRowid: number) => pVtab,
    (pVtab, argc, argv, pRowid) => {
      const { table, order, readAliases } = instances.get(pVtab)!;
      const values = Array.from({ length: argc }, (_, index) => wasm.peekPtr(argv + index * 4));
      const updated = { table, defaultIndex: host.defaultIndex, readAliases };
      const built = updateRequest(database, updated, values);
      if (built.kind === 'refused') return built.code;
      const context = contextJson({ table, order, constraints: [], colsUsed: [], colsUsedBitset: 0n });
      const outcome = host.call(table.name, { ...built.request, context });
      if (outcome.kind === 'error') return fail(pVtab, outcome.message);
      const result = updateResult(table.name, built.request, outcome.rows);
      if (result.kind === 'failed') {
        return result.message === undefined ? result.code : fail(pVtab, result.message, result.code);
      }
      if (result.rowid !== undefined) wasm.poke(pRowid, result.rowid, 'i64');
      return SQLITE_OK;
    },
  );

  const methods = {
    xCreate: create,
    xConnect: create,
    xBestIndex: bestIndex,
    xDisconnect: destroy,
    xDestroy: destroy,
    xOpen: open,
    xClose: close,
    xFilter: filter,
    xNext: next,
    xEof: eof,
    xColumn: column,
    xRowid: rowid,
  };
  const setup = (extra: { readonly xUpdate?: typeof update }): StructInstance => {
    const module = vtab.setupModule({ methods: { ...methods, ...extra } });
    // As in core: with one function for both, a table also exists under its bare name in every schema, and that is
    // how a view in `main` finds a table that core creates in `temp`.
    Reflect.set(module, '$xConnect', Reflect.get(module, '$xCreate'));
    return module;
  };
  const readOnly = setup({});
  const writable = setup({ xUpdate: update });

  const exec = (sql: string): void => {
    const rc = capi.sqlite3_exec(db, sql, 0, 0, 0);
    if (rc !== SQLITE_OK) throw new Error(capi.sqlite3_errmsg(db) ?? `SQLite error ${rc}`);
  };

  return {
    attach(table) {
      assertIdentifier(table.name);
      const module = table.extension ? writable : readOnly;
      const rc = capi.sqlite3_create_module(db, table.name, module.pointer, 0);
      if (rc !== SQLITE_OK) throw new Error(`core cannot create the module of table ${table.name}`);
      exec(`CREATE VIRTUAL TABLE temp.${table.name} USING ${table.name}`);
      attached.add(table.name);
      for (const view of table.views.filter(isIdentifier)) {
        try {
          exec(`CREATE VIEW ${view} AS SELECT * FROM ${table.name}`);
        } catch {
          // The name is taken, by this view from an earlier registration as a rule; core does not look either.
        }
      }
    },
    detach(name) {
      // Without one of its own in `temp`, SQLite would find the module's bare table, which cannot be dropped.
      if (!attached.delete(name)) return;
      exec(`DROP TABLE temp.${name}`);
      // Views of it would go on finding the module.
      capi.sqlite3_create_module(db, name, 0, 0);
    },
    endStatement() {
      const seen = attributes;
      attributes = 0;
      plans.clear();
      return seen;
    },
  };
};
