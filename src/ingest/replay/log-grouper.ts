import type { CorrelatorCounters, RecordGroup } from '../../audit/correlator.ts';
import { RecordParser } from '../../audit/record.ts';
import { LogCorrelator } from './log-correlator.ts';
import type { RecordSink } from './log-reader.ts';
import type { ReplayTimes } from './replay-times.ts';

/** So many records in a row, this much later, mean that a log is past the wanted times. */
const BEHIND_RECORDS = 1_000;
const BEHIND_SECONDS = 60;
const ANY_TIME: ReplayTimes = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Counters of reading logs. */
export interface LoggedCounters extends CorrelatorCounters {
  /** Records, including those of types that make no event. */
  records: number;
  /** Records that came again, and were dropped. */
  repeated: number;
}

export const newLoggedCounters = (): LoggedCounters => ({
  records: 0,
  repeated: 0,
  unterminated: 0,
  overLimit: 0,
});

/** Groups records of logs into events, and passes on those within the wanted times. */
export class LogGrouper {
  readonly #parser = new RecordParser();
  readonly #correlator: LogCorrelator;
  readonly #times: ReplayTimes;
  /** Records in a row that are later than wanted. */
  #behind = 0;
  /** Number of records; the reader of the log updates it. */
  records = 0;

  /** @param onGroup its records are valid during the call */
  constructor(onGroup: (group: RecordGroup) => void, times: ReplayTimes = ANY_TIME) {
    this.#correlator = new LogCorrelator(onGroup);
    this.#times = times;
  }

  /** Takes one record; its bytes may be overwritten after the next `settle`. */
  readonly push: RecordSink = ({ type, bytes, start, end, interpretedEnd, node }) => {
    const record = this.#parser.parse(type, bytes, start, end);
    if (record === undefined) return false;
    if (interpretedEnd > end) record.interpretedEnd = interpretedEnd;
    const { from, to } = this.#times;
    this.#behind = record.seconds > to + BEHIND_SECONDS ? this.#behind + 1 : 0;
    if (record.seconds >= from && record.seconds <= to) this.#correlator.push(record, node);
    return true;
  };

  /** Whether a log has passed all wanted times, and stays there. */
  get isBehindTimes(): boolean {
    return this.#behind >= BEHIND_RECORDS;
  }

  /** Ends a piece of a log. */
  settle(): void {
    this.#correlator.settle();
  }

  /**
   * Ends the events in progress, because nothing more will come.
   *
   * @param most of them to end
   * @returns whether there are others
   */
  flush(most: number): boolean {
    return this.#correlator.flush(most);
  }

  get counters(): LoggedCounters {
    return { records: this.records, ...this.#correlator.counters };
  }
}
