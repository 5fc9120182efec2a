import { journalRecord } from './journal-entry.ts';

const LINE_FEED = 0x0a;
const EQUALS = 0x3d;
/** Longest field that is read; a longer one is no record. */
const MAX_FIELD_BYTES = 1 << 20;
/** Bytes of the length in front of a field with line feeds or other control characters. */
const LENGTH_BYTES = 8;

/** Fields of an entry that contain parts of its record. */
const WANTED: ReadonlySet<string> = new Set([
  'MESSAGE',
  '_AUDIT_ID',
  '_AUDIT_TYPE',
  '_SOURCE_REALTIME_TIMESTAMP',
]);

/** Whether this is the beginning of output of `journalctl -o export`. */
export const isJournalExport = (head: Buffer): boolean =>
  /^__(?:CURSOR|REALTIME_TIMESTAMP|MONOTONIC_TIMESTAMP)=/.test(head.toString('latin1', 0, 64));

/**
 * Reads the journal's export format: entries of `NAME=value` lines, each ended by an empty line. A value that is not
 * a line is written as `NAME`, a line feed, its length in 64 bits, its bytes, and a line feed. Makes lines of a log
 * of it. Source: systemd.io/JOURNAL_EXPORT_FORMATS.
 */
export class JournalExportReader {
  #rest: Buffer = Buffer.alloc(0);
  #entry: Record<string, unknown> = {};
  /** Bytes of an overlong field that are still to be skipped. */
  #skip = 0;
  /** Entries without a record. */
  foreign = 0;
  /** Whether the last entry is cut off; known after `end`. */
  isCut = false;

  /** The records that `chunk` completes, as lines. */
  push(chunk: Buffer): Buffer {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Buffer[] = [];
    let at = 0;
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        if (this.#skip > 0) break;
      }
      const next = this.#field(bytes, at, lines);
      if (next < 0) break;
      at = next;
    }
    bytes = bytes.subarray(at);
    this.#rest = Buffer.from(bytes);
    return Buffer.concat(lines);
  }

  /** What can be read of the last entry. */
  end(): Buffer {
    const lines: Buffer[] = [];
    this.isCut = this.#rest.length > 0 || this.#skip > 0;
    this.#finish(lines);
    this.#rest = Buffer.alloc(0);
    return Buffer.concat(lines);
  }

  /** @returns where the next field begins; -1 if this one is not whole */
  #field(bytes: Buffer, at: number, lines: Buffer[]): number {
    const end = bytes.indexOf(LINE_FEED, at);
    if (end < 0) return -1;
    if (end === at) {
      this.#finish(lines);
      return end + 1;
    }
    const equals = bytes.indexOf(EQUALS, at);
    if (equals >= 0 && equals < end) {
      const name = bytes.toString('latin1', at, equals);
      if (WANTED.has(name)) this.#entry[name] = Buffer.from(bytes.subarray(equals + 1, end)).toString('utf8');
      return end + 1;
    }
    if (bytes.length < end + 1 + LENGTH_BYTES) return -1;
    const length = Number(bytes.readBigUInt64LE(end + 1));
    const start = end + 1 + LENGTH_BYTES;
    if (length > MAX_FIELD_BYTES) {
      this.#skip = length + 1;
      return start;
    }
    if (bytes.length < start + length + 1) return -1;
    const name = bytes.toString('latin1', at, end);
    if (WANTED.has(name)) this.#entry[name] = Buffer.from(bytes.subarray(start, start + length));
    return start + length + 1;
  }

  #finish(lines: Buffer[]): void {
    const record = journalRecord(this.#entry);
    if (record !== undefined && !record.includes(LINE_FEED)) lines.push(record, Buffer.of(LINE_FEED));
    else if (Object.keys(this.#entry).length > 0) this.foreign++;
    this.#entry = {};
  }
}
