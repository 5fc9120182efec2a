import type { RecordGroup } from '../../audit/correlator.ts';
import type { AuditRecord } from '../../audit/record.ts';

/**
 * Events of a log on their way from one thread to another: the bytes of their records, and the place of each record
 * in them.
 */
export interface GroupBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** GROUP_WORDS for each event. */
  readonly groups: Float64Array<ArrayBuffer>;
  /** RECORD_WORDS for each record, event by event. */
  readonly records: Uint32Array<ArrayBuffer>;
  /** Hosts named in the log. */
  readonly nodes: readonly string[];
}

/** Seconds, milliseconds, serial, the node's place plus 1 (0 for none), what ended it, number of records. */
const GROUP_WORDS = 6;
/** Type, start, end, end of auditd's interpreted fields. */
const RECORD_WORDS = 4;
const ENDS = ['record', 'age', 'limit', 'flush'] as const satisfies readonly RecordGroup['endedBy'][];

const INITIAL_BYTES = 1 << 20;
const INITIAL_GROUPS = 1_024;
const INITIAL_RECORDS = 8_192;
/** Most bytes between two records of an event that are copied together: its lines nearly always follow each other. */
const MOST_BETWEEN = 4_096;

/** The memory of a batch, to be transferred. */
export const memoryOf = ({ bytes, groups, records }: GroupBatch): ArrayBuffer[] => [
  bytes.buffer,
  groups.buffer,
  records.buffer,
];

/** Gathers events into batches. */
export class GroupBatchWriter {
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #used = 0;
  /** Memory for the bytes of later batches. */
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #groups = new Float64Array(GROUP_WORDS * INITIAL_GROUPS);
  #groupCount = 0;
  #records = new Uint32Array(RECORD_WORDS * INITIAL_RECORDS);
  #recordCount = 0;
  readonly #nodes = new Map<string, number>();

  /** Copies an event; its bytes are not needed afterwards. */
  append({ seconds, milliseconds, serial, node, records, endedBy }: RecordGroup): void {
    const at = GROUP_WORDS * this.#groupCount++;
    if (at === this.#groups.length) this.#groups = grown(this.#groups, new Float64Array(2 * at));
    const groups = this.#groups;
    groups[at] = seconds;
    groups[at + 1] = milliseconds;
    groups[at + 2] = serial;
    groups[at + 3] = node === undefined ? 0 : this.#numberOf(node);
    groups[at + 4] = ENDS.indexOf(endedBy);
    groups[at + 5] = records.length;
    if (isOnePiece(records)) {
      const { bytes, start } = records[0]!;
      const shift = this.#copy(bytes, start, records[records.length - 1]!.interpretedEnd) - start;
      for (let i = 0; i < records.length; i++) this.#place(records[i]!, shift);
    } else {
      for (let i = 0; i < records.length; i++) {
        const record = records[i]!;
        this.#place(record, this.#copy(record.bytes, record.start, record.interpretedEnd) - record.start);
      }
    }
  }

  #numberOf(node: string): number {
    let number = this.#nodes.get(node);
    if (number === undefined) {
      number = this.#nodes.size + 1;
      this.#nodes.set(node, number);
    }
    return number;
  }

  /** @returns where the copy begins */
  #copy(bytes: Buffer, start: number, end: number): number {
    const at = this.#used;
    const needed = at + end - start;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, at, start, end);
    this.#used = needed;
    return at;
  }

  #place({ type, start, end, interpretedEnd }: AuditRecord, shift: number): void {
    const at = RECORD_WORDS * this.#recordCount++;
    if (at === this.#records.length) this.#records = grown(this.#records, new Uint32Array(2 * at));
    const records = this.#records;
    records[at] = type;
    records[at + 1] = start + shift;
    records[at + 2] = end + shift;
    records[at + 3] = interpretedEnd + shift;
  }

  /** Returns what was appended since the last call; undefined if nothing was. */
  take(): GroupBatch | undefined {
    if (this.#groupCount === 0) return undefined;
    const batch: GroupBatch = {
      bytes: this.#bytes.subarray(0, this.#used),
      groups: this.#groups.slice(0, GROUP_WORDS * this.#groupCount),
      records: this.#records.slice(0, RECORD_WORDS * this.#recordCount),
      nodes: [...this.#nodes.keys()],
    };
    this.#bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#used = 0;
    this.#groupCount = 0;
    this.#recordCount = 0;
    this.#nodes.clear();
    return batch;
  }

  /** Reuses the memory of a batch: the system would have to clear each page of new memory. */
  reuse(bytes: ArrayBuffer): void {
    if (bytes.byteLength < 2 * INITIAL_BYTES) this.#spare.push(Buffer.from(bytes));
  }
}

/** Whether records are in the same bytes, in order and close to each other. */
const isOnePiece = (records: readonly AuditRecord[]): boolean => {
  const { bytes, interpretedEnd } = records[0]!;
  let last = interpretedEnd;
  for (let i = 1; i < records.length; i++) {
    const record = records[i]!;
    if (record.bytes !== bytes || record.start < last || record.start > last + MOST_BETWEEN) return false;
    last = record.interpretedEnd;
  }
  return true;
};

const grown = <Words extends Float64Array | Uint32Array>(from: Words, to: Words): Words => {
  to.set(from);
  return to;
};

/** A record object that is reused. */
type ReusedRecord = { -readonly [Key in keyof AuditRecord]: AuditRecord[Key] };

/** Splits batches into events. */
export class GroupBatchReader {
  /** Reused for one event after the other: nobody keeps a record beyond the call that delivers it. */
  readonly #pool: ReusedRecord[] = [];

  /** @param take receives each event in order; its records are valid during the call */
  read({ bytes: written, groups, records, nodes }: GroupBatch, take: (group: RecordGroup) => void): void {
    const bytes = Buffer.from(written.buffer, written.byteOffset, written.length);
    let next = 0;
    for (let at = 0; at < groups.length; at += GROUP_WORDS) {
      const seconds = groups[at]!;
      const milliseconds = groups[at + 1]!;
      const serial = groups[at + 2]!;
      const node = groups[at + 3]!;
      const count = groups[at + 5]!;
      const own: AuditRecord[] = [];
      for (let i = 0; i < count; i++, next += RECORD_WORDS) {
        const record = this.#record(i, bytes);
        record.type = records[next]!;
        record.seconds = seconds;
        record.milliseconds = milliseconds;
        record.serial = serial;
        record.bytes = bytes;
        record.start = records[next + 1]!;
        record.end = records[next + 2]!;
        record.interpretedEnd = records[next + 3]!;
        own.push(record);
      }
      take({
        seconds,
        milliseconds,
        serial,
        node: node === 0 ? undefined : nodes[node - 1],
        isLogged: true,
        records: own,
        endedBy: ENDS[groups[at + 4]!]!,
      });
    }
  }

  #record(place: number, bytes: Buffer): ReusedRecord {
    let record = this.#pool[place];
    if (record === undefined) {
      record = {
        type: 0,
        seconds: 0,
        milliseconds: 0,
        serial: 0,
        bytes,
        start: 0,
        end: 0,
        interpretedEnd: 0,
      };
      this.#pool[place] = record;
    }
    return record;
  }
}
