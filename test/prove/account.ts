/** Compares what was run with what was logged. */

/** One program run; `number` is in its argument. Times in milliseconds since the epoch. */
export interface Execution {
  readonly number: number;
  /** Before it was asked for. */
  readonly from: number;
  /** After it had begun. */
  readonly to: number;
}

/** A time in which rows may be lost. Times in milliseconds since the epoch. */
export interface Break {
  readonly name: string;
  /** Start of the last run of the query whose results were logged: what came before is in the log. */
  readonly lastQuery: number;
  /** The audit stream had no reader from here … */
  readonly deaf: number;
  /** … to here: the next reader has it. */
  readonly listening: number;
}

export interface BreakAccount {
  readonly name: string;
  /** Missing, executed after the last query and while the stream was still read: they were in memory only. */
  readonly inMemory: number;
  /** Missing, executed while nobody read the stream. */
  readonly unheard: number;
  /** Milliseconds from the last query to the end of the reading, and without a reader. */
  readonly memoryMs: number;
  readonly deafMs: number;
}

export interface Account {
  readonly executed: number;
  readonly once: number;
  readonly moreThanOnce: readonly number[];
  /** Logged, but not run. */
  readonly unknown: readonly number[];
  readonly missing: number;
  readonly breaks: readonly BreakAccount[];
  /** Missing without a reason. */
  readonly unexplained: readonly Execution[];
}

/**
 * Accounts for every execution.
 *
 * @param logged the number in each row of the log
 * @param latencyMs longest time from an execution to its row
 */
export const account = (
  executions: readonly Execution[],
  logged: readonly number[],
  breaks: readonly Break[],
  latencyMs: number,
): Account => {
  const times = new Map<number, number>();
  for (const number of logged) times.set(number, (times.get(number) ?? 0) + 1);
  const run = new Set(executions.map(({ number }) => number));
  const missing = executions.filter(({ number }) => !times.has(number));
  const inMemory = breaks.map(() => 0);
  const unheard = breaks.map(() => 0);
  const unexplained: Execution[] = [];
  for (const execution of missing) {
    const deaf = breaks.findIndex(
      ({ deaf, listening }) => execution.to >= deaf && execution.from <= listening,
    );
    const memory = breaks.findIndex(
      ({ lastQuery, deaf }) => execution.to >= lastQuery - latencyMs && execution.from <= deaf,
    );
    if (deaf >= 0) unheard[deaf]! += 1;
    else if (memory >= 0) inMemory[memory]! += 1;
    else unexplained.push(execution);
  }
  return {
    executed: executions.length,
    once: executions.filter(({ number }) => times.get(number) === 1).length,
    moreThanOnce: [...times].filter(([, count]) => count > 1).map(([number]) => number),
    unknown: [...times.keys()].filter(number => !run.has(number)),
    missing: missing.length,
    breaks: breaks.map(({ name, lastQuery, deaf, listening }, index) => ({
      name,
      inMemory: inMemory[index]!,
      unheard: unheard[index]!,
      memoryMs: deaf - lastQuery,
      deafMs: listening - deaf,
    })),
    unexplained,
  };
};
