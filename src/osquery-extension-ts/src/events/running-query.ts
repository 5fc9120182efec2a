import type { CallOptions } from '../client/connection.ts';
import type { DatabaseKey } from '../client/core-database.ts';
import type { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import { unlessRefused } from '../errors.ts';
import { DISTRIBUTED_RUNNING, PERSISTENT_SETTINGS, QUERIES } from './core-domains.ts';
import type { QueryExecution } from './query-cursors.ts';
import type { Schedule } from './schedule.ts';

/** The connection of a call. */
export interface CallOrigin {
  /** Descriptor of the connection; undefined if it is not known. */
  readonly fd: number | undefined;
}

/**
 * The thread of core that waits for the answer to a call.
 *
 * The scheduler's mark changes only when it reads or writes a file. It does so at the end and at the start of each
 * query, to measure the query's CPU and memory and to store data about it (see recordQueryStart in
 * osquery/config/config.cpp), and not when it asks an extension. undefined if the mark cannot be seen.
 */
export type Caller =
  | { readonly kind: 'scheduler'; readonly mark: string | undefined }
  | { readonly kind: 'other' }
  | { readonly kind: 'unknown' };

/** Determines who calls, as far as that can be seen. */
export interface CallerView {
  identify(call: CallOrigin): Caller | Promise<Caller>;
}

/** One read of a table, as core asks for it. */
export interface TableRead extends CallOrigin {
  /** All names of the table. */
  readonly tableNames: readonly string[];
  /** Columns that core wants; undefined if it does not tell. */
  readonly columns: ReadonlySet<string> | undefined;
}

/** The sources by which the reading query is determined. */
export interface ReadingSources {
  /** Its connection must not be used for anything that core may take long to answer. */
  readonly client: ExtensionManagerClient;
  readonly running: RunningQuery;
  readonly schedule: Schedule;
  /** undefined if threads cannot be seen. */
  readonly asking?: CallerView | undefined;
}

const UNKNOWN: Caller = { kind: 'unknown' };

/**
 * The scheduled query to which a read of a table belongs; undefined if it belongs to none.
 *
 * Core does not tell who reads. Its database tells which scheduled query is running, but distributed queries run at
 * the same time; which thread of core asks may be visible or not. A query that is not known to read the table may
 * have been added or changed since the last look at the schedule. The look cannot be awaited (see Schedule), but if
 * the scheduler asks, or no distributed query runs, that query is the reader.
 */
export const readingQuery = async (
  read: TableRead,
  { client, running, schedule, asking }: ReadingSources,
): Promise<QueryExecution | undefined> => {
  const seen = asking?.identify(read);
  const caller = (seen instanceof Promise ? await seen : seen) ?? UNKNOWN;
  const found = running.find(caller);
  const execution = found instanceof Promise ? await found : found;
  if (execution === undefined) return undefined;
  if (schedule.canRead(execution.query, read.tableNames, read.columns)) return execution;
  const isAnother =
    caller.kind === 'unknown' &&
    ((await unlessRefused(client.database.scan(DISTRIBUTED_RUNNING))) ?? []).length > 0;
  return isAnother ? undefined : { ...execution, seenAtLook: schedule.looks };
};

/** Milliseconds between core's ping and the call that it announces. */
const ANNOUNCED_MS = 100;
/** Most questions in progress for pings: a core that waits for each answer has no more. */
const MOST_ASKED = 4;

/**
 * Asks core's database which scheduled query is running, and which execution of it this is.
 *
 * Core writes `executing_query` and the start time before each execution; the query's counter grows after each
 * execution with results. Only both together distinguish two executions: the counter does not change while a query
 * finds nothing, and the time is in whole seconds.
 *
 * A join calls generate once per outer row, so the wait for this matters. If the scheduler is seen waiting for the
 * call, the answer stays valid as long as its mark does (see Caller): it was waiting while core answered, so the
 * answer is about the execution of the call.
 *
 * Otherwise all questions are sent in one write, for the query that ran last, when core pings: it pings before each
 * call, on a separate connection (see callExtension in osquery/extensions/extensions.cpp). So the answer is about the
 * execution of the call: core gave it after this execution had pinged, while it waits for its call. That is true for
 * the question asked last, whichever thread of core pinged, because the ping of each call comes before it.
 */
export class RunningQuery {
  readonly #client: ExtensionManagerClient;
  readonly #now: () => number;
  /** The query that ran at the last question. */
  #last: string | undefined;
  #asked = 0;
  /** Whether the asking thread was not visible lately. */
  #asksAtPings = false;
  #known: { readonly mark: string; readonly execution: QueryExecution | undefined } | undefined;
  #announced: { readonly at: number; readonly answer: Promise<QueryExecution | undefined> } | undefined;

  /**
   * @param client whose connection must not be used for anything that core may take long to answer
   * @param now milliseconds of a monotonic clock
   */
  constructor(client: ExtensionManagerClient, now = () => performance.now()) {
    this.#client = client;
    this.#now = now;
  }

  /** Core has pinged: a call may be next. */
  announce(): void {
    this.#announced = undefined;
    if (!this.#asksAtPings || this.#asked >= MOST_ASKED) return;
    const answer = this.#ask({ readLater: true });
    // The caller that takes the answer learns of its failure.
    answer.catch(() => {});
    this.#announced = { at: this.#now(), answer };
  }

  /**
   * The running query, if it is the caller; undefined if no scheduled query is.
   *
   * @param caller who waits for the answer to the call
   */
  find(caller: Caller = UNKNOWN): QueryExecution | undefined | Promise<QueryExecution | undefined> {
    const mark = caller.kind === 'scheduler' ? caller.mark : undefined;
    this.#asksAtPings = caller.kind !== 'other' && mark === undefined;
    if (caller.kind === 'other') return undefined;
    if (mark === undefined) return this.#announcedOrAsked();
    return this.#known?.mark === mark ? this.#known.execution : this.#findFor(mark);
  }

  async #findFor(mark: string): Promise<QueryExecution | undefined> {
    const execution = await this.#announcedOrAsked();
    this.#known = { mark, execution };
    return execution;
  }

  #announcedOrAsked(): Promise<QueryExecution | undefined> {
    const announced = this.#announced;
    // One call for each ping: a caller that does not ping gets an answer of its own time.
    this.#announced = undefined;
    if (announced === undefined || this.#now() - announced.at >= ANNOUNCED_MS) return this.#ask();
    this.#client.readNow();
    return announced.answer;
  }

  async #ask(options: CallOptions = {}): Promise<QueryExecution | undefined> {
    this.#asked++;
    try {
      const guess = this.#last;
      const [query, ...ofGuess] = await this.#client.database.getAll(
        [[PERSISTENT_SETTINGS, 'executing_query'], ...(guess === undefined ? [] : keysOf(guess))],
        options,
      );
      if (query === undefined || query === '') return undefined;
      this.#last = query;
      const [counter, started] =
        query === guess ? ofGuess : await this.#client.database.getAll(keysOf(query));
      return { query, id: `${counter ?? ''}/${started ?? ''}`, counter };
    } finally {
      this.#asked--;
    }
  }
}

/** Keys of the number of a query's results, and of the start time of its last execution. */
const keysOf = (query: string): readonly DatabaseKey[] => [
  [QUERIES, `${query}counter`],
  [PERSISTENT_SETTINGS, `timestamp.${query}`],
];
