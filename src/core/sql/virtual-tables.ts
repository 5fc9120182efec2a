/**
 * SQLite's virtual-table callbacks for all tables of core: planning, the call that fetches rows, and reading them.
 * One module serves all tables; SQLite tells it the name.
 *
 * No callback may throw: an exception would unwind SQLite's own frames and leave it in an unknown state.
 */
import { partRequest } from '../../runtime/answer-parts.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { constraintValues } from './constraint-values.ts';
import { contextJson, contextOrder, planQuery, type QueryPlan } from './query-context.ts';
import { lacksRequired, type RequiredColumnOptions, withoutRequired } from './required-columns.ts';
import { latin1, setResult } from './result-value.ts';
import { type EncodedRowList, RowCursor } from './row-cursor.ts';
import {
  assertIdentifier,
  createTableStatement,
  isIdentifier,
  TABLE_EVENT_BASED,
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
  type StructInstance,
  withCString,
} from './wasm.ts';

/** What a table's plugin answered. */
export type CallOutcome =
  | { readonly kind: 'rows'; readonly rows: EncodedRowList }
  | { readonly kind: 'error'; readonly message: string; readonly interrupted: boolean };

export interface VirtualTableHost extends RequiredColumnOptions {
  readonly definition: (name: string) => TableDefinition | undefined;
  /** Bytes of event rows per request; absent: all rows in one request. */
  readonly partBytes?: number | undefined;
  /** Blocks until the plugin has answered. */
  readonly call: (table: string, request: TableRequest) => CallOutcome;
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
  /** The query that `rows` answer. */
  request: TableRequest | undefined;
  /** The row number where the next part of the answer begins; undefined after the last part. */
  next: number | undefined;
  /** Number of rows in the earlier parts. */
  before: number;
  /** The reply's copy in SQLite's memory, so that text goes to SQLite by pointer; 0 before the first xFilter. */
  memory: number;
}

/** Offset of zErrMsg in sqlite3_vtab: after the module pointer and the reference count. */
const VTAB_ERROR_OFFSET = 8;

const EMPTY = new Uint8Array(0);

/** The virtual tables of one database. Its callbacks have the arguments of SQLite's. */
export class VirtualTables {
  readonly #database: Database;
  readonly #host: VirtualTableHost;
  readonly #instances = new Map<number, TableInstance>();
  readonly #cursors = new Map<number, Cursor>();
  readonly #attached = new Set<string>();
  readonly #plans = new Map<number, QueryPlan>();
  readonly #readOnly: StructInstance;
  readonly #writable: StructInstance;
  #nextPlan = 0;
  #attributes = 0;

  constructor(database: Database, host: VirtualTableHost) {
    this.#database = database;
    this.#host = host;
    const ofTable = (pVtab: number): number => pVtab;
    const ofCursor = (pCursor: number): number => this.#cursors.get(pCursor)!.tablePointer;
    // biome-ignore lint/complexity/useMaxParams: SQLite calls it.
    const create = (
      pDb: number,
      _aux: number,
      argc: number,
      argv: number,
      ppVtab: number,
      pzErr: number,
    ): number => this.#create({ pDb, name: this.#tableName(argc, argv), ppVtab, pzErr });
    const destroy = (pVtab: number): number => this.#destroy(pVtab);
    const methods = {
      xCreate: create,
      xConnect: create,
      xBestIndex: this.#guarded(ofTable, this.#bestIndex),
      xDisconnect: destroy,
      xDestroy: destroy,
      xOpen: (pVtab: number, ppCursor: number): number => this.#open(pVtab, ppCursor),
      xClose: (pCursor: number): number => this.#close(pCursor),
      xFilter: this.#guarded(
        ofCursor,
        (pCursor: number, idxNum: number, ...values: [number, number, number]) =>
          this.#filter(pCursor, idxNum, values[1], values[2]),
      ),
      xNext: this.#guarded(ofCursor, this.#next),
      xEof: (pCursor: number): number => (this.#cursors.get(pCursor)?.rows?.eof === false ? 0 : 1),
      xColumn: this.#guarded(ofCursor, this.#column),
      xRowid: this.#guarded(ofCursor, this.#rowid),
    };
    this.#readOnly = this.#setUp(methods);
    this.#writable = this.#setUp({ ...methods, xUpdate: this.#guarded(ofTable, this.#update) });
  }

  /** @throws Error if SQLite refuses */
  attach(table: TableDefinition): void {
    assertIdentifier(table.name);
    const { sqlite, db } = this.#database;
    const module = table.extension ? this.#writable : this.#readOnly;
    const rc = sqlite.capi.sqlite3_create_module(db, table.name, module.pointer, 0);
    if (rc !== SQLITE_OK) throw new Error(`core cannot create the module of table ${table.name}`);
    this.#exec(`CREATE VIRTUAL TABLE temp.${table.name} USING ${table.name}`);
    this.#attached.add(table.name);
    for (const view of table.views.filter(isIdentifier)) {
      try {
        this.#exec(`CREATE VIEW ${view} AS SELECT * FROM ${table.name}`);
      } catch {
        // The name is taken, usually by this view from an earlier registration. Core ignores that too.
      }
    }
  }

  detach(name: string): void {
    // Without a table in `temp`, SQLite would find the module's bare table, which cannot be dropped.
    if (!this.#attached.delete(name)) return;
    this.#exec(`DROP TABLE temp.${name}`);
    // Views of it would still find the module.
    const { sqlite, db } = this.#database;
    sqlite.capi.sqlite3_create_module(db, name, 0, 0);
  }

  /** Attributes of the tables that took part since the last call. Their plans are dropped. */
  endStatement(): number {
    const seen = this.#attributes;
    this.#attributes = 0;
    this.#plans.clear();
    return seen;
  }

  #setUp(methods: Parameters<Database['sqlite']['vtab']['setupModule']>[0]['methods']): StructInstance {
    const module = this.#database.sqlite.vtab.setupModule({ methods });
    // As in core: if both are one function, a table also exists under its bare name in every schema. That is how a
    // view in `main` finds a table that core creates in `temp`.
    Reflect.set(module, '$xConnect', Reflect.get(module, '$xCreate'));
    return module;
  }

  /** An error thrown by `body` becomes the error of the table that `tableOf` finds. */
  #guarded<A extends number[]>(
    tableOf: (first: number) => number,
    body: (this: VirtualTables, first: number, ...rest: A) => number,
  ): (first: number, ...rest: A) => number {
    return (first, ...rest) => {
      try {
        return body.call(this, first, ...rest);
      } catch (error) {
        return this.#fail(tableOf(first), messageOf(error));
      }
    };
  }

  #fail(tablePointer: number, message: string, code = SQLITE_ERROR): number {
    const { raw, sqlite } = this.#database;
    const slot = tablePointer + VTAB_ERROR_OFFSET;
    const previous = sqlite.wasm.peekPtr(slot);
    if (previous !== 0) raw.sqlite3_free(previous);
    sqlite.wasm.pokePtr(slot, sqlite.wasm.allocCString(message));
    return code;
  }

  #exec(sql: string): void {
    const { sqlite, db } = this.#database;
    const rc = sqlite.capi.sqlite3_exec(db, sql, 0, 0, 0);
    if (rc !== SQLITE_OK) throw new Error(sqlite.capi.sqlite3_errmsg(db) ?? `SQLite error ${rc}`);
  }

  #tableName(argc: number, argv: number): string | null {
    const { wasm } = this.#database.sqlite;
    return argc > 0 ? wasm.cstrToJs(wasm.peekPtr(argv)) : null;
  }

  #create(table: { pDb: number; name: string | null; ppVtab: number; pzErr: number }): number {
    const { pDb, name, ppVtab, pzErr } = table;
    const { raw, sqlite } = this.#database;
    try {
      const definition = name === null ? undefined : this.#host.definition(name);
      // Reached without a definition through a view whose table was detached.
      if (definition === undefined) throw new Error(`no such table: ${name}`);
      const rc = withCString(this.#database, createTableStatement(definition), sql =>
        raw.sqlite3_declare_vtab(pDb, sql),
      );
      if (rc !== SQLITE_OK) {
        throw new Error(`core cannot declare table ${name}: ${sqlite.capi.sqlite3_errmsg(pDb)}`);
      }
      const instance = sqlite.vtab.xVtab.create(ppVtab);
      this.#instances.set(instance.pointer, {
        table: definition,
        order: contextOrder(definition),
        names: definition.columns.map(column => column.name),
        readAliases: new Set(),
      });
      return SQLITE_OK;
    } catch (error) {
      sqlite.wasm.pokePtr(pzErr, sqlite.wasm.allocCString(messageOf(error)));
      return SQLITE_ERROR;
    }
  }

  #destroy(pVtab: number): number {
    this.#instances.delete(pVtab);
    this.#database.sqlite.vtab.xVtab.unget(pVtab)?.dispose();
    return SQLITE_OK;
  }

  #open(pVtab: number, ppCursor: number): number {
    const cursor = this.#database.sqlite.vtab.xCursor.create(ppCursor);
    this.#cursors.set(cursor.pointer, {
      instance: this.#instances.get(pVtab)!,
      tablePointer: pVtab,
      rows: undefined,
      bytes: EMPTY,
      request: undefined,
      next: undefined,
      before: 0,
      memory: 0,
    });
    return SQLITE_OK;
  }

  #close(pCursor: number): number {
    this.#release(this.#cursors.get(pCursor)!);
    this.#cursors.delete(pCursor);
    this.#database.sqlite.vtab.xCursor.unget(pCursor)?.dispose();
    return SQLITE_OK;
  }

  #release(cursor: Cursor): void {
    if (cursor.memory !== 0) this.#database.raw.sqlite3_free(cursor.memory);
    cursor.memory = 0;
    cursor.rows = undefined;
    // The memory is freed now and not by the garbage collector, which may run late.
    if (cursor.bytes.length > 0) (cursor.bytes.buffer as ArrayBuffer).transfer(0);
    cursor.bytes = EMPTY;
    cursor.next = undefined;
  }

  #bestIndex(pVtab: number, pInfo: number): number {
    const { raw, sqlite } = this.#database;
    const { table } = this.#instances.get(pVtab)!;
    this.#attributes |= table.attributes;
    const info = sqlite.vtab.xIndexInfo(pInfo);
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
      const colUsed = BigInt.asUintN(64, info.$colUsed);
      const plan = planQuery({ table, offered, colUsed, defaultIndex: this.#host.defaultIndex });
      for (const [index, argument] of plan.argumentOf.entries()) {
        if (argument < 0) continue;
        if (plan.constraints[argument]!.allAtOnce) raw.sqlite3_vtab_in(pInfo, index, 1);
        info.nthConstraintUsage(index).$argvIndex = argument + 1;
      }
      info.$idxNum = this.#nextPlan;
      info.$estimatedCost = plan.cost;
      this.#plans.set(this.#nextPlan, plan);
      // idxNum is a C int.
      this.#nextPlan = (this.#nextPlan + 1) & 0x7fffffff;
      return SQLITE_OK;
    } finally {
      info.dispose();
    }
  }

  #filter(pCursor: number, idxNum: number, argc: number, argv: number): number {
    const cursor = this.#cursors.get(pCursor)!;
    const { instance, tablePointer } = cursor;
    const { table, order } = instance;
    this.#attributes |= table.attributes;
    this.#release(cursor);
    const plan = this.#plans.get(idxNum);
    if (plan === undefined) return this.#fail(tablePointer, `no plan ${idxNum} for table ${table.name}`);
    const constraints = constraintValues(this.#database, plan, argc, argv);
    if (lacksRequired(table, plan, this.#host)) {
      return this.#fail(tablePointer, withoutRequired(table), SQLITE_CONSTRAINT);
    }
    const { colsUsed, colsUsedBitset } = plan;
    const context = contextJson({ table, order, constraints, colsUsed, colsUsedBitset });
    cursor.request = { action: 'generate', context };
    cursor.before = 0;
    return this.#fetch(cursor, 0);
  }

  /** Fetches the rows of a cursor, or the part of them that begins at a row number. */
  #fetch(cursor: Cursor, from: number): number {
    const { tablePointer, instance, request } = cursor;
    const { name, extension, attributes } = instance.table;
    const { partBytes } = this.#host;
    const hasParts = partBytes !== undefined && extension && (attributes & TABLE_EVENT_BASED) !== 0;
    const outcome = this.#host.call(name, {
      ...request,
      ...(hasParts ? partRequest({ from, bytes: partBytes }) : {}),
    });
    if (outcome.kind === 'error') {
      const code = outcome.interrupted ? SQLITE_INTERRUPT : SQLITE_ERROR;
      return this.#fail(tablePointer, outcome.message, code);
    }
    if (!this.#keep(cursor, outcome.rows)) {
      const { length } = outcome.rows.bytes;
      return this.#fail(tablePointer, `out of memory for ${length} bytes of rows of ${name}`);
    }
    return this.#atRow(cursor);
  }

  /** Continues with the next part that has rows, when this one is exhausted. */
  #atRow(cursor: Cursor): number {
    const { rows, next } = cursor;
    if (next === undefined || rows?.eof === false) return SQLITE_OK;
    cursor.before += rows?.row ?? 0;
    this.#release(cursor);
    return this.#fetch(cursor, next);
  }

  /** Copies a reply into SQLite's memory; false if there is no room. */
  #keep(cursor: Cursor, rows: EncodedRowList): boolean {
    const { bytes } = rows;
    if (bytes.length > 0) {
      cursor.memory = this.#database.raw.sqlite3_malloc(bytes.length);
      if (cursor.memory === 0) return false;
      heap(this.#database).set(bytes, cursor.memory);
    }
    cursor.bytes = bytes;
    cursor.next = rows.next;
    cursor.rows = new RowCursor(rows, cursor.instance.names);
    return true;
  }

  #next(pCursor: number): number {
    const cursor = this.#cursors.get(pCursor)!;
    cursor.rows?.next();
    return this.#atRow(cursor);
  }

  #column(pCursor: number, context: number, index: number): number {
    const { instance, rows, bytes, memory } = this.#cursors.get(pCursor)!;
    const { columns } = instance.table;
    const column = columns[index];
    if (column === undefined || rows === undefined) return SQLITE_ERROR;
    const source = column.aliasOf ?? index;
    if (column.aliasOf !== undefined) instance.readAliases.add(index);
    setResult(this.#database, context, {
      type: columns[source]!.type,
      bytes,
      memory,
      offset: rows.offsets[source]!,
      length: rows.lengths[source]!,
    });
    return SQLITE_OK;
  }

  #rowid(pCursor: number, pRowid: number): number {
    const { rows, bytes, before } = this.#cursors.get(pCursor)!;
    if (rows === undefined || rows.eof) return SQLITE_ERROR;
    let value = BigInt(before + rows.row);
    if (rows.rowidOffset >= 0) {
      const digits = /^[+-]?\d+/.exec(latin1(bytes, rows.rowidOffset, rows.rowidLength))?.[0];
      if (digits === undefined) return SQLITE_ERROR;
      value = BigInt(digits);
    }
    this.#database.sqlite.wasm.poke(pRowid, BigInt.asIntN(64, value), 'i64');
    return SQLITE_OK;
  }

  #update(pVtab: number, argc: number, argv: number, pRowid: number): number {
    const { wasm } = this.#database.sqlite;
    const { table, order, readAliases } = this.#instances.get(pVtab)!;
    const values = Array.from({ length: argc }, (_, index) => wasm.peekPtr(argv + index * 4));
    const updated = { table, defaultIndex: this.#host.defaultIndex, readAliases };
    const built = updateRequest(this.#database, updated, values);
    if (built.kind === 'refused') return built.code;
    const context = contextJson({ table, order, constraints: [], colsUsed: [], colsUsedBitset: 0n });
    const outcome = this.#host.call(table.name, { ...built.request, context });
    if (outcome.kind === 'error') return this.#fail(pVtab, outcome.message);
    const result = updateResult(table.name, built.request, outcome.rows);
    if (result.kind === 'failed') {
      return result.message === undefined ? result.code : this.#fail(pVtab, result.message, result.code);
    }
    if (result.rowid !== undefined) wasm.poke(pRowid, result.rowid, 'i64');
    return SQLITE_OK;
  }
}
