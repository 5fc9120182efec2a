import { type ContextConstraint, OP_EQ, type QueryPlan } from './query-context.ts';
import { type Database, SQLITE_OK, valueText } from './wasm.ts';

/**
 * The values of a plan's constraints, as SQLite passes them to xFilter.
 *
 * @param argv address of the first of `argc` pointers to values
 */
export const constraintValues = (
  database: Database,
  plan: QueryPlan,
  argc: number,
  argv: number,
): ContextConstraint[] => {
  const { wasm } = database.sqlite;
  const constraints: ContextConstraint[] = [];
  for (const [index, planned] of plan.constraints.slice(0, argc).entries()) {
    if (planned.ignored) continue;
    const { column, op } = planned;
    const value = wasm.peekPtr(argv + index * 4);
    if (planned.allAtOnce) {
      planned.allAtOnce = false;
      for (const expr of valuesOfIn(database, value)) constraints.push({ column, op: OP_EQ, expr });
    } else {
      const expr = valueText(database, value);
      // Core passes on no NULL and no empty text.
      if (expr !== undefined && expr !== '') constraints.push({ column, op, expr });
    }
  }
  return constraints;
};

/** The values of an `IN (…)` that SQLite passes as one list. */
const valuesOfIn = (database: Database, list: number): string[] => {
  const { raw, sqlite } = database;
  const { wasm } = sqlite;
  const values: string[] = [];
  const scope = wasm.pstack.pointer;
  try {
    const out = wasm.pstack.alloc(8);
    let rc = raw.sqlite3_vtab_in_first(list, out);
    for (; rc === SQLITE_OK; rc = raw.sqlite3_vtab_in_next(list, out)) {
      const item = wasm.peekPtr(out);
      if (item === 0) break;
      const text = valueText(database, item);
      if (text !== undefined) values.push(text);
    }
  } finally {
    wasm.pstack.restore(scope);
  }
  return values;
};
