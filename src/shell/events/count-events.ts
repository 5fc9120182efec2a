/** Counts the events that came since the last count, by program and user. */
import { pause } from '../pause.ts';
import type { SqlSource } from '../sql-source.ts';
import type { EventGroup } from './event-rates.ts';

interface Counted {
  readonly table: string;
  /** SQL of the program that did it, and of the user. */
  readonly program: string;
  readonly user: string;
  /** SQL of what the Event Model adds: the program that started that one, and a better name of the user. */
  readonly model?: { readonly startedBy: string; readonly user: string };
}

const LOGIN = "CASE auid WHEN 4294967295 THEN '(no login)' ELSE 'login ' || auid END";

const TABLES: readonly Counted[] = [
  {
    table: 'process_events',
    program: 'path',
    user: "'uid ' || uid",
    model: { startedBy: 'parent_path', user: "coalesce(nullif(username, ''), 'uid ' || uid)" },
  },
  { table: 'socket_events', program: 'path', user: LOGIN },
  { table: 'user_events', program: 'path', user: "'uid ' || uid" },
  { table: 'process_file_events', program: 'executable', user: "'uid ' || uid" },
];

/** JSON's quotes, colon and comma around a name and a value. */
const PUNCTUATION = 6;

const NUMBER = 'CAST(eid AS INTEGER)';

/** Milliseconds until the Event Model has filled its columns: a little more than its budget. */
const SETTLE_MS = 300;

export interface EventCount {
  readonly groups: readonly EventGroup[];
  /** Events that left the buffer before they were counted. */
  readonly unseen: number;
}

/** Remembers up to where the events of each table were counted. */
export class EventCounter {
  readonly #source: SqlSource;
  readonly #asksModel: boolean;
  /** Number of the last row that was counted, by table. */
  readonly #seen = new Map<string, number>();
  #plans: readonly { readonly counted: Counted; readonly bytes: string }[] | undefined;

  /** @param asksModel whether programs are told apart by what started them, which recorded events are read anew for */
  constructor(source: SqlSource, asksModel: boolean) {
    this.#source = source;
    this.#asksModel = asksModel;
  }

  /** @param onRange called when it is known which events are counted, before they are */
  async next(signal: AbortSignal, onRange: () => void = () => {}): Promise<EventCount> {
    this.#plans ??= await this.#plan();
    const ends = new Map<string, number>();
    for (const { counted } of this.#plans) ends.set(counted.table, await this.#newest(counted.table, signal));
    onRange();
    if (this.#asksModel) await pause(SETTLE_MS, signal);
    const groups: EventGroup[] = [];
    let unseen = 0;
    for (const { counted, bytes } of this.#plans) {
      const last = ends.get(counted.table)!;
      // An extension that was started again counts from the beginning.
      const before = this.#seen.get(counted.table) ?? -1;
      const seen = last < before ? -1 : before;
      if (last === seen) continue;
      const counts = await this.#count({ counted, bytes, after: seen, upTo: last }, signal);
      this.#seen.set(counted.table, last);
      groups.push(...counts);
      // Rows are numbered without gaps; what is missing was dropped to make room.
      if (seen >= 0) unseen += last - seen - counts.reduce((sum, { events }) => sum + events, 0);
    }
    return { groups, unseen };
  }

  /** Number of the newest row; -1 if there is none. */
  async #newest(table: string, signal: AbortSignal): Promise<number> {
    const [row] = await this.#source.query(`SELECT max(${NUMBER}) AS last FROM ${table}`, signal);
    return Number(row?.last || -1);
  }

  async #count(
    part: {
      readonly counted: Counted;
      readonly bytes: string;
      readonly after: number;
      readonly upTo: number;
    },
    signal: AbortSignal,
  ): Promise<readonly EventGroup[]> {
    const { table, program, user, model } = part.counted;
    const named = this.#asksModel ? model : undefined;
    const rows = await this.#source.query(
      `SELECT ${program} AS program, ${named?.startedBy ?? "''"} AS started_by, ${named?.user ?? user} AS user, count(*) AS events, sum(${part.bytes}) AS bytes FROM ${table} WHERE ${NUMBER} > ${part.after} AND ${NUMBER} <= ${part.upTo} GROUP BY 1, 2, 3`,
      signal,
    );
    return rows.map(row => ({
      kind: table.replace(/_events$/, ''),
      program: row.program ?? '',
      startedBy: row.started_by ?? '',
      user: row.user ?? '',
      events: Number(row.events),
      bytes: Number(row.bytes),
    }));
  }

  /** The tables that there are, and the size of their rows. */
  async #plan() {
    const plans = await Promise.all(
      TABLES.map(async counted => {
        try {
          const columns = await this.#source.columns(`SELECT * FROM ${counted.table}`);
          const names = columns.reduce((sum, { name }) => sum + name.length + PUNCTUATION, 0);
          const values = columns.map(({ name }) => `coalesce(length("${name}"), 0)`);
          return [{ counted, bytes: `${names} + ${values.join(' + ')}` }];
        } catch {
          return [];
        }
      }),
    );
    return plans.flat();
  }
}
