import type { RowRange } from './event-buffer.ts';

/** One run of a scheduled query: its name, and what tells this run from the one before. */
export interface QueryExecution {
  readonly query: string;
  readonly id: string;
}

interface Cursor {
  executionId: string;
  from: number;
  to: number;
}

/**
 * Where each scheduled query stands in one table: `events_optimize`.
 *
 * A query sees each row once per execution, not per read: a self-join, IN or OR makes core read the table several times
 * in one execution, and every time it must get the same rows.
 */
export class QueryCursors {
  readonly #cursors = new Map<string, Cursor>();

  /** The rows an execution sees, out of those buffered now. */
  rangeFor({ query, id }: QueryExecution, buffered: RowRange): RowRange {
    const cursor = this.#cursors.get(query);
    if (cursor === undefined) {
      this.#cursors.set(query, { executionId: id, from: buffered.from, to: buffered.to });
      return buffered;
    }
    if (cursor.executionId !== id) {
      cursor.executionId = id;
      cursor.from = cursor.to;
      cursor.to = buffered.to;
    }
    return { from: cursor.from, to: cursor.to };
  }

  /** Forgets the queries that are no longer scheduled. */
  retain(queries: ReadonlySet<string>): void {
    for (const query of this.#cursors.keys()) if (!queries.has(query)) this.#cursors.delete(query);
  }

  /** Number below which each of the queries has had every row; undefined while one of them has not read yet. */
  seenByAll(queries: readonly string[]): number | undefined {
    let seen: number | undefined;
    for (const query of queries) {
      const cursor = this.#cursors.get(query);
      if (cursor === undefined) return undefined;
      seen = Math.min(seen ?? cursor.from, cursor.from);
    }
    return seen;
  }
}
