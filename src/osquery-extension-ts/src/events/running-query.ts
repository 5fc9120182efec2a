import type { CallOptions } from '../client/connection.ts';
import type { DatabaseKey } from '../client/core-database.ts';
import type { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import { unlessRefused } from '../errors.ts';
import { DISTRIBUTED_RUNNING, PERSISTENT_SETTINGS, QUERIES } from './core-domains.ts';
import type { QueryExecution } from './query-cursors.ts';
import type { Schedule } from './schedule.ts';

/** What a call came by. */
export interface CallOrigin {
  /** Descriptor of the connection; undefined if it is not known. */
  readonly fd: number | undefined;
}

/**
 * Which of core's threads waits for the answer to a call.
 *
 * The scheduler's mark stays the same until it reads or writes a file: it does at the end and at the start of each query, for the
 * CPU and memory that the query took and for what core keeps of it (see recordQueryStart in osquery/config/config.cpp), and not
 * when it asks an extension. undefined if that cannot be seen.
 */
export type Caller =
  | { readonly kind: 'scheduler'; readonly mark: string | undefined }
  | { readonly kind: 'other' }
  | { readonly kind: 'unknown' };

/** Tells who calls, as far as that can be seen. */
export interface CallerView {
  identify(call: CallOrigin): Caller | Promise<Caller>;
}

/** One read of a table, as core asks for it. */
export interface TableRead extends CallOrigin {
  /** All names of the table. */
  readonly tableNames: readonly string[];
  /** Columns that core wants; undefined if it does not say. */
  readonly columns: ReadonlySet<string> | undefined;
}

/** What a reading query is found with. */
export interface ReadingSources {
  /** Nothing else is asked on its connection that core may take long to answer. */
  readonly client: ExtensionManagerClient;
  readonly running: RunningQuery;
  readonly schedule: Schedule;
  /** undefined where threads cannot be seen. */
  readonly asking?: CallerView | undefined;
}

const UNKNOWN: Caller = { kind: 'unknown' };

/**
 * The scheduled query that a read of a table belongs to; undefined for one that no schedule asked for.
 *
 * Core does not say who reads. Its database says which scheduled query is running, and distributed queries run beside it; which
 * thread of core asks, the one that runs the schedule or another, may be seen, or not.
 * A query that is not known to read the table may have come, or changed, since the last look at the schedule; the look
 * cannot be waited for (see Schedule), but it is the one that reads if the scheduler asks, or no distributed query runs.
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

/** Milliseconds within which a call comes that core's ping has announced. */
const ANNOUNCED_MS = 100;
/** Questions under way at most for pings: more are not of a core that waits for each answer. */
const MOST_ASKED = 4;

/**
 * Asks core's database which scheduled query is running, and which execution of it this is.
 *
 * Core writes `executing_query` and the time of the start before each execution; the query's counter grows after each
 * one that had results. Both together tell two executions apart: the counter alone stands still while a query finds
 * nothing, the time alone is in seconds.
 *
 * A join calls generate once per outer row, so the wait for this counts. Where the scheduler is seen to wait for the call, the
 * answer holds for as long as its mark stays the same (see Caller): it waited while core answered, so that one was of the
 * execution that the call belongs to.
 *
 * Elsewhere all that is asked goes in one write, for the query that ran last, and is asked when core pings: it does before
 * each call, on a connection of its own (see callExtension in osquery/extensions/extensions.cpp). So the answer is of the
 * execution that the call belongs to: core gave it after this execution had pinged, and while it waits for its call. That
 * holds for the question asked last, whichever of several threads of core it was that pinged: the ping of each call lies
 * before it.
 */
export class RunningQuery {
  readonly #client: ExtensionManagerClient;
  readonly #now: () => number;
  /** The query that ran when somebody asked last. */
  #last: string | undefined;
  #asked = 0;
  /** Whether it was not seen lately who asks. */
  #asksAtPings = false;
  #known: { readonly mark: string; readonly execution: QueryExecution | undefined } | undefined;
  #announced: { readonly at: number; readonly answer: Promise<QueryExecution | undefined> } | undefined;

  /**
   * @param client whose connection nothing else is asked on that core may take long to answer
   * @param now milliseconds of a clock that nobody sets
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
    // Who takes it hears of its failure.
    answer.catch(() => {});
    this.#announced = { at: this.#now(), answer };
  }

  /**
   * Which query is running, if it is the one that asks; undefined if none of the schedule is.
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
    // One call for each ping: who does not ping gets an answer of his own time.
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

/** Of the count of a query's results, and of the time at which its last execution began. */
const keysOf = (query: string): readonly DatabaseKey[] => [
  [QUERIES, `${query}counter`],
  [PERSISTENT_SETTINGS, `timestamp.${query}`],
];
