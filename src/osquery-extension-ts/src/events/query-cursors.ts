import type { RowRange } from './row-ranges.ts';

/** One run of a scheduled query: its name, and what distinguishes this run from the previous one. */
export interface QueryExecution {
  readonly query: string;
  readonly id: string;
  /** Core's number of runs whose results it logged; undefined before the first. */
  readonly counter?: string | undefined;
  /**
   * Set if the schedule, as far as it is known, does not say that the query reads the table: the number of looks at
   * the schedule begun so far.
   */
  readonly seenAtLook?: number;
}

/** The position of one query: the rows that its last execution saw. */
export interface Cursor {
  readonly executionId: string;
  readonly counter?: string | undefined;
  /** Whether core was seen to count this query's results, which it does not for snapshots. */
  readonly isCounted: boolean;
  readonly from: number;
  readonly to: number;
}

/**
 * The position of each scheduled query in one table: `events_optimize`.
 *
 * A query sees each row once per execution, not per read: with a self-join, IN or OR core reads the table several
 * times in one execution, and must get the same rows every time.
 */
export class QueryCursors {
  readonly #cursors = new Map<string, Cursor>();
  /** Queries whose cursor comes from another process: it is open whether core got the rows of the last execution. */
  readonly #doubted = new Set<string>();
  /** Queries whose last execution failed, because core did not get a reply. */
  readonly #failed = new Set<string>();
  /**
   * Queries that a later look at the schedule has to confirm as readers of the table, with the number of looks begun
   * when they were last seen. Until then each has a position, so that it gets no row twice.
   */
  readonly #provisional = new Map<string, number>();
  #changed = new Set<string>();

  /** The buffered rows that an execution sees. */
  rangeFor({ query, id, counter, seenAtLook }: QueryExecution, buffered: RowRange): RowRange {
    const last = this.#cursors.get(query);
    if (seenAtLook === undefined) this.#provisional.delete(query);
    else if (last === undefined || this.#provisional.has(query)) this.#provisional.set(query, seenAtLook);
    if (last?.executionId === id) return { from: last.from, to: last.to };
    const isCounted = last !== undefined && (last.isCounted || last.counter !== counter);
    const isDoubted = this.#doubted.delete(query) && isCounted;
    const hasFailed = this.#failed.delete(query);
    // Nothing was logged of the last execution, or there was nothing to log, so sending its rows again cannot
    // duplicate them.
    const isOwed = (isDoubted || hasFailed) && last?.counter === counter;
    const from = last === undefined ? buffered.from : isOwed ? last.from : last.to;
    this.#cursors.set(query, { executionId: id, counter, isCounted, from, to: buffered.to });
    this.#changed.add(query);
    return { from, to: buffered.to };
  }

  /** Whether an execution has read the table before: then its rows are fixed. */
  hasBegun({ query, id }: QueryExecution): boolean {
    return this.#cursors.get(query)?.executionId === id;
  }

  /** Notes that core did not get the rows of one read: the next execution sees them again. */
  fail({ query, id }: QueryExecution): void {
    if (this.#cursors.get(query)?.executionId === id) this.#failed.add(query);
  }

  /** Takes over a cursor from another process. */
  restore(query: string, cursor: Cursor): void {
    this.#cursors.set(query, cursor);
    this.#doubted.add(query);
  }

  /**
   * Takes over the positions of queries in another buffer, whose rows are appended here. A query with a position in
   * both continues from the other one if it had read all rows here; else it gets some rows again, which is better
   * than never.
   *
   * @param end number behind the last row that was here
   * @param moved the new number of a row of the other buffer
   */
  takeOver(others: QueryCursors, end: number, moved: (eid: number) => number): void {
    for (const [query, cursor] of others.#cursors) {
      const own = this.#cursors.get(query);
      if (own !== undefined && own.to < end) continue;
      this.#cursors.set(query, { ...cursor, from: moved(cursor.from), to: moved(cursor.to) });
      this.#doubted.delete(query);
      this.#changed.add(query);
    }
    for (const [query, look] of others.#provisional) this.#provisional.set(query, look);
    for (const query of others.#failed) this.#failed.add(query);
  }

  /** Counts all of them as moved. */
  touchAll(): void {
    for (const query of this.#cursors.keys()) this.#changed.add(query);
  }

  /** The cursors that have moved since the last call; undefined stands for a forgotten one. */
  takeChanges(): (readonly [query: string, cursor: Cursor | undefined])[] {
    const changed = this.#changed;
    this.#changed = new Set();
    return Array.from(changed, query => [query, this.#cursors.get(query)] as const);
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /**
   * Forgets queries that are no longer scheduled, as soon as they would get every buffered row anyway. A core that
   * temporarily has another schedule, such as an osqueryi, must not erase what was logged.
   */
  retain(queries: ReadonlySet<string>, buffered: RowRange): void {
    for (const [query, { to }] of this.#cursors) {
      if (!queries.has(query) && to <= buffered.from) this.#forget(query);
    }
  }

  /**
   * Forgets queries that only seemed to read the table, because somebody else read it while they ran.
   *
   * @param readers the queries that do, as of a look at the schedule
   * @param look its number
   */
  settle(readers: ReadonlySet<string>, look: number): void {
    for (const [query, seenAtLook] of this.#provisional) {
      if (readers.has(query)) this.#provisional.delete(query);
      // A look that began before the query ran may have seen an older schedule.
      else if (seenAtLook < look) this.#forget(query);
    }
  }

  #forget(query: string): void {
    this.#cursors.delete(query);
    this.#doubted.delete(query);
    this.#failed.delete(query);
    this.#provisional.delete(query);
    this.#changed.add(query);
  }

  /** The number below which each of the queries has read every row; undefined while one of them has not read yet. */
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
