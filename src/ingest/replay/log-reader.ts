import type { RawRecord } from './log-line.ts';
import { parseLogLine } from './log-line.ts';

/** Bytes of one line of a log. The kernel's own records stay below 9 KB. */
export const MAX_LOG_LINE_BYTES = 1 << 20;

const LINE_FEED = 0x0a;

/** What was read so far; the reader counts up as it goes. */
export interface LogCounters {
  lines: number;
  records: number;
  malformed: number;
  /** The first malformed line, counted from 1. */
  firstMalformed: { readonly line: number; readonly reason: string } | undefined;
}

export const newLogCounters = (): LogCounters => ({
  lines: 0,
  records: 0,
  malformed: 0,
  firstMalformed: undefined,
});

/**
 * Turns pieces of a log into records, holding no more than one unfinished line. Records are views into the pieces
 * given: a piece must not be written to afterwards. Bad lines are counted and passed over.
 */
export class LogReader {
  readonly counters: LogCounters;
  readonly #maxLineBytes: number;
  /** The unfinished line. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** True while passing over the rest of an overlong line. */
  #skipping = false;

  constructor(options: { readonly counters?: LogCounters; readonly maxLineBytes?: number } = {}) {
    this.counters = options.counters ?? newLogCounters();
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LOG_LINE_BYTES;
  }

  /** The records that `chunk` completes. */
  push(chunk: Uint8Array): RawRecord[] {
    const records: RawRecord[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      if (this.#length === 0 && !this.#skipping) {
        this.#line(chunk, start, end, records);
      } else {
        this.#keep(chunk.subarray(start, end));
        this.#finish(records);
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return records;
  }

  /** The record of a last line without a line feed. */
  end(): RawRecord[] {
    const records: RawRecord[] = [];
    if (this.#length > 0 || this.#skipping) this.#finish(records);
    return records;
  }

  #keep(piece: Uint8Array): void {
    if (this.#skipping) return;
    this.#length += piece.length;
    if (this.#length > this.#maxLineBytes) {
      this.#skipping = true;
      this.#pieces = [];
      this.#length = 0;
    } else {
      this.#pieces.push(piece);
    }
  }

  #finish(records: RawRecord[]): void {
    if (this.#skipping) {
      this.counters.lines++;
      this.#skipping = false;
      this.#malformed(`longer than ${this.#maxLineBytes} bytes`);
      return;
    }
    const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    this.#line(line, 0, line.length, records);
  }

  #line(bytes: Uint8Array, start: number, end: number, records: RawRecord[]): void {
    this.counters.lines++;
    if (end - start > this.#maxLineBytes) {
      this.#malformed(`longer than ${this.#maxLineBytes} bytes`);
      return;
    }
    const line = parseLogLine(bytes, start, end);
    if (line.kind === 'record') {
      this.counters.records++;
      records.push(line.record);
    } else if (line.kind === 'malformed') {
      this.#malformed(line.reason);
    }
  }

  #malformed(reason: string): void {
    this.counters.malformed++;
    this.counters.firstMalformed ??= { line: this.counters.lines, reason };
  }
}

/** Records in batches, one batch for each piece of the log; the next piece is asked for when the batch is taken. */
export async function* readLogRecords(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  reader: LogReader = new LogReader(),
): AsyncGenerator<readonly RawRecord[]> {
  for await (const chunk of chunks) {
    const records = reader.push(chunk);
    if (records.length > 0) yield records;
  }
  const rest = reader.end();
  if (rest.length > 0) yield rest;
}
