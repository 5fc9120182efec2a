import type { CorrelatorCounters, RecordGroup } from '../../audit/correlator.ts';
import { RecordParser } from '../../audit/record.ts';
import { LogCorrelator } from './log-correlator.ts';
import type { RecordSink } from './log-reader.ts';
import type { ReplayTimes } from './replay-times.ts';

/** Records of so much later a time in a row say that a log is past what is wanted of it. */
const BEHIND_RECORDS = 1_000;
const BEHIND_SECONDS = 60;
const ANY_TIME: ReplayTimes = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** What reading logs came to so far. */
export interface LoggedCounters extends CorrelatorCounters {
  /** Records, those of types that make no event among them. */
  records: number;
  /** Records that came a second time, and were dropped. */
  repeated: number;
}

export const newLoggedCounters = (): LoggedCounters => ({
  records: 0,
  repeated: 0,
  unterminated: 0,
  overLimit: 0,
});

/** Records of logs in, the events of the times that are wanted out, each as its records. */
export class LogGrouper {
  readonly #parser = new RecordParser();
  readonly #correlator: LogCorrelator;
  readonly #times: ReplayTimes;
  /** Records without a break that are of a later time than is wanted. */
  #behind = 0;
  /** Records, for whoever reads the log to count up. */
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

  /** Whether a log has come to a time behind all that is wanted, and stays there. */
  get isBehindTimes(): boolean {
    return this.#behind >= BEHIND_RECORDS;
  }

  /** Ends a piece of a log. */
  settle(): void {
    this.#correlator.settle();
  }

  /**
   * Ends the events under way: nothing more will come.
   *
   * @param most of them that are ended
   * @returns whether there are others
   */
  flush(most: number): boolean {
    return this.#correlator.flush(most);
  }

  get counters(): LoggedCounters {
    return { records: this.records, ...this.#correlator.counters };
  }
}
