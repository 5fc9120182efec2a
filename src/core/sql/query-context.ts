/**
 * Query contexts as core 5.23 builds them: which constraints SQLite offered, which of them core takes, and the JSON
 * an extension receives in its `generate` request.
 *
 * Source: osquery 5.23 `sql/virtual_table.cpp` (xBestIndex, xFilter) and `core/tables.cpp` (setRequestFromContext).
 */
import {
  COLUMN_ADDITIONAL,
  COLUMN_INDEX,
  COLUMN_OPTIMIZED,
  COLUMN_REQUIRED,
  type TableDefinition,
} from './table-definition.ts';

/** Constraint operators by SQLite's names (sqlite3.h, SQLITE_INDEX_CONSTRAINT_*). */
export const OP_EQ = 2;
export const OP_GT = 4;
export const OP_LE = 8;
export const OP_LT = 16;
export const OP_GE = 32;
export const OP_LIMIT = 73;
export const OP_OFFSET = 74;

/** More than any usable plan costs, so SQLite prefers every other plan. */
const MAX_COST = 1_000_000;

/** A constraint that SQLite offers in xBestIndex. */
export interface OfferedConstraint {
  readonly column: number;
  readonly op: number;
  readonly usable: boolean;
  /** Whether it is the right side of an IN that could be passed as a whole. */
  readonly isIn: boolean;
}

/** How xFilter uses one of its arguments. */
export interface PlannedConstraint {
  readonly column: string;
  readonly op: number;
  /**
   * All values of an IN at once. Core resets this after the first xFilter call of a plan, so a later call of the same
   * plan gets none of the values: an extension then sees an empty list and must return a superset.
   */
  allAtOnce: boolean;
  /** Consumed only so that SQLite keeps LIMIT in the plan; never passed on. */
  readonly ignored: boolean;
}

export interface QueryPlan {
  readonly constraints: readonly PlannedConstraint[];
  readonly colsUsed: readonly string[];
  readonly colsUsedBitset: bigint;
  readonly cost: number;
  /** For each offered constraint, its position among xFilter's arguments, or -1. */
  readonly argumentOf: readonly number[];
}

const isTextOrdering = (op: number): boolean => op === OP_GT || op === OP_GE || op === OP_LT || op === OP_LE;

/** The options that core acts on. In an extension's table, a column without options counts as INDEX. */
export const effectiveOptions = (options: number, table: TableDefinition, defaultIndex: boolean): number =>
  options === 0 && table.extension && defaultIndex ? COLUMN_INDEX : options;

/** Decides, as core does in xBestIndex, which of the offered constraints reach the table. */
export const planQuery = (request: {
  readonly table: TableDefinition;
  readonly offered: readonly OfferedConstraint[];
  /** One bit for each of the first 63 columns; the last bit stands for all others. */
  readonly colUsed: bigint;
  /** The flag `extensions_default_index`. */
  readonly defaultIndex: boolean;
}): QueryPlan => {
  const { table, offered, defaultIndex } = request;
  // SQLite 3.42, which core is built with, keeps LIMIT in the plan whatever else the table leaves to SQLite; later
  // versions drop it unless every constraint is consumed. So if a LIMIT is offered, all constraints are consumed and
  // the rest is ignored.
  const limited = offered.some(({ op }) => op === OP_LIMIT || op === OP_OFFSET);
  const constraints: PlannedConstraint[] = [];
  const argumentOf = offered.map(() => -1);
  let cost = MAX_COST;
  let requiredSeen = false;
  // LIMIT comes before OFFSET in core's contexts, in whichever order SQLite offers them.
  const entries = [...offered.entries()].sort(
    ([, left], [, right]) => Number(left.op === OP_OFFSET) - Number(right.op === OP_OFFSET),
  );
  for (const [offer, constraint] of entries) {
    const column = table.columns[constraint.column];
    if (!constraint.usable) continue;
    let ignored = column === undefined;
    let options = 0;
    if (column !== undefined) {
      options = effectiveOptions(column.options, table, defaultIndex);
      if (column.type === 'TEXT' && isTextOrdering(constraint.op)) {
        cost += 10;
        ignored = true;
      } else if (options & COLUMN_REQUIRED) {
        requiredSeen = true;
        cost = 1;
      } else if (options & (COLUMN_INDEX | COLUMN_ADDITIONAL)) {
        cost = 1;
      } else {
        ignored = true;
      }
    }
    if (ignored && !limited) continue;
    argumentOf[offer] = constraints.length;
    constraints.push({
      column: column?.name ?? '',
      op: constraint.op,
      allAtOnce: constraint.isIn && (ignored || (options & COLUMN_OPTIMIZED) !== 0),
      ignored,
    });
  }

  const used = usedColumns(table, request.colUsed);
  if (used.hasRequired && !requiredSeen) cost = MAX_COST;
  return { constraints, colsUsed: used.names, colsUsedBitset: used.bitset, cost, argumentOf };
};

/** The columns that a query uses; an alias counts as its column. */
const usedColumns = (
  table: TableDefinition,
  colUsed: bigint,
): { readonly names: readonly string[]; readonly bitset: bigint; readonly hasRequired: boolean } => {
  let bitset = colUsed;
  const names = new Set<string>();
  let hasRequired = false;
  if (bitset === 0n) return { names: [], bitset, hasRequired };
  for (const [index, column] of table.columns.entries()) {
    const bit = BigInt(Math.min(index, 63));
    if (((bitset >> bit) & 1n) === 0n) continue;
    if (column.options & COLUMN_REQUIRED) hasRequired = true;
    if (column.aliasOf === undefined) {
      names.add(column.name);
      continue;
    }
    bitset &= ~(1n << bit);
    bitset |= 1n << BigInt(Math.min(column.aliasOf, 63));
    names.add(table.columns[column.aliasOf]!.name);
  }
  return { names: [...names], bitset, hasRequired };
};

export interface ContextConstraint {
  readonly column: string;
  readonly op: number;
  readonly expr: string;
}

const byCodePoint = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left), Buffer.from(right));

/** Column names in the order of core's `std::map`: by bytes. */
export const contextOrder = (table: TableDefinition): readonly number[] =>
  table.columns
    .map((_, index) => index)
    .sort((left, right) => byCodePoint(table.columns[left]!.name, table.columns[right]!.name));

/** The context of a `generate` request: every column with its affinity, then what the statement reads. */
export const contextJson = (request: {
  readonly table: TableDefinition;
  readonly order: readonly number[];
  readonly constraints: readonly ContextConstraint[];
  readonly colsUsed: readonly string[];
  readonly colsUsedBitset: bigint;
}): string => {
  const lists = new Map<string, { op: number; expr: string }[]>();
  for (const { column, op, expr } of request.constraints) {
    const list = lists.get(column);
    if (list === undefined) lists.set(column, [{ op, expr }]);
    else list.push({ op, expr });
  }
  const constraints = request.order.map(index => {
    const column = request.table.columns[index]!;
    return { name: column.name, list: lists.get(column.name) ?? [], affinity: column.type };
  });
  // The bitset may exceed a JavaScript number, so it is written by hand.
  return `{"constraints":${JSON.stringify(constraints)},"colsUsed":${JSON.stringify(request.colsUsed)},"colsUsedBitset":${request.colsUsedBitset}}`;
};
