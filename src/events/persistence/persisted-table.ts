import type { Cursor, QueryCursors } from 'osquery-extension-ts/events';
import type { EventBuffer, SavedBuffer } from '../event-buffer.ts';
import type { LateColumns, LateRow } from '../late-columns.ts';
import type { PackedBatch, StoredBatch } from '../row-batch.ts';
import { ownersOf } from '../row-owner.ts';
import { type LateBatch, type LoggedRows, RowLog } from './row-log.ts';
import type { ValueLog } from './value-log.ts';

/** Most late values that wait while the disk fails; further ones are not kept. */
const MAX_WAITING_LATE = 100_000;

/** A table in memory. */
export interface TableInMemory {
  readonly name: string;
  readonly columnNames: readonly string[];
  readonly buffer: EventBuffer;
  readonly cursors: QueryCursors;
}

/** Where a table is on disk. */
interface SavedTable extends SavedBuffer {
  /** Number of the first row file that counts. */
  readonly firstFile: number;
}

/** The part of a table that is not on disk yet, at one moment. */
export interface TableChange {
  /** Whether it is the whole table, to be written in place of the present files. */
  readonly isWhole: boolean;
  readonly batches: readonly (StoredBatch | PackedBatch)[];
  readonly late: readonly LateBatch[];
  readonly cursors: ReadonlyMap<string, Cursor | undefined>;
  readonly position: SavedBuffer;
}

/** Saves one table: its rows, its buffer's position, and the cursors of its queries. */
export class PersistedTable {
  readonly #table: TableInMemory;
  #log: RowLog;
  /** Whether nothing of it is on disk any more. */
  #isAnew = false;
  /** Late values that were found at the start, until somebody takes them. */
  #foundLate: readonly LateBatch[];
  #lateColumns: LateColumns | undefined;
  /** Number behind the last row on disk. */
  #savedTo: number;
  /** The position on disk; undefined if there is no valid one. */
  #savedPosition: SavedTable | undefined;
  /** As of the rows written last. */
  #firstFile: number;
  readonly #cursorChanges = new Map<string, Cursor | undefined>();
  readonly #lateChanges = new Map<number, LateRow>();
  /** Bytes at the start that could not be read. */
  readonly lostBytes: number;

  /**
   * Fills the table with its saved rows.
   *
   * @param directory of all tables
   * @throws ErrnoException if the files cannot be read
   */
  constructor(directory: string, values: ValueLog, table: TableInMemory) {
    this.#table = table;
    this.#savedPosition = readPosition(values.get(this.#positionKey));
    this.#firstFile = this.#savedPosition?.firstFile ?? START.firstFile;
    const { log, found } = this.#restore(directory);
    this.#log = log;
    this.#foundLate = found.late;
    this.lostBytes = found.lostBytes;
    this.#savedTo = table.buffer.range.to;
    const prefix = this.#cursorKey('');
    for (const key of values.keys()) {
      const cursor = key.startsWith(prefix) ? readCursor(values.get(key), this.#savedTo) : undefined;
      if (cursor !== undefined) table.cursors.restore(key.slice(prefix.length), cursor);
    }
  }

  /** Passes the rows to the buffer as they are read: all together would take much more memory than they do there. */
  #restore(directory: string): { readonly log: RowLog; readonly found: LoggedRows } {
    const { name, columnNames, buffer } = this.#table;
    let opened: ReturnType<typeof RowLog.open> | undefined;
    buffer.restore(take => {
      opened = RowLog.open(
        `${directory}/${name}`,
        columnNames,
        batch => take({ ...batch, owners: ownersOf(batch, columnNames) }),
        this.#firstFile,
      );
    }, this.#savedPosition ?? START);
    return opened!;
  }

  get #positionKey(): string {
    return `position/${this.#table.name}`;
  }

  #cursorKey(query: string): string {
    return `cursor/${this.#table.name}/${query}`;
  }

  /** Returns the saved late values, and saves those that come from now on. */
  keepLate(lateColumns: LateColumns): void {
    for (const { names, values } of this.#foundLate) lateColumns.restore(names, values);
    this.#foundLate = [];
    lateColumns.dropBelow(this.#table.buffer.range.from);
    lateColumns.takeChanges();
    this.#lateColumns = lateColumns;
  }

  /**
   * Takes what came since the last `saved`. Its bytes are the buffer's own, until `writeRows` returns them.
   *
   * @returns undefined if there is nothing
   */
  take(): TableChange | undefined {
    const { buffer, cursors } = this.#table;
    for (const [query, cursor] of cursors.takeChanges()) this.#cursorChanges.set(query, cursor);
    for (const late of this.#lateColumns?.takeChanges() ?? []) {
      if (this.#lateChanges.size < MAX_WAITING_LATE) this.#lateChanges.set(late[0], late);
    }
    const position = buffer.save();
    if (
      this.#cursorChanges.size === 0 &&
      this.#lateChanges.size === 0 &&
      this.#savedPosition !== undefined &&
      isSamePosition(this.#here(position), this.#savedPosition)
    ) {
      return undefined;
    }
    // A rewritten file must first come into force.
    const isCounted = this.#savedPosition?.firstFile === this.#firstFile;
    const isWhole = this.#isAnew || (isCounted && this.#log.isWasteful(buffer.byteCount));
    const late = isWhole ? (this.#lateColumns?.all() ?? []) : [...this.#lateChanges.values()];
    return {
      isWhole,
      batches: buffer.batches({ from: isWhole ? position.from : this.#savedTo, to: position.nextEid }),
      late: inPieces(late).map(values => ({ names: this.#lateColumns!.names, values })),
      cursors: new Map(this.#cursorChanges),
      position,
    };
  }

  /** @throws ErrnoException if the disk refuses the rows; then `take` returns them again */
  async writeRows({ isWhole, batches, late, position }: TableChange): Promise<void> {
    try {
      if (isWhole) this.#firstFile = await this.#log.rewrite(batches, late);
      else {
        await this.#log.write(batches, late[0]);
        for (const values of late.slice(1)) await this.#log.write([], values);
      }
    } finally {
      this.#table.buffer.giveBack(batches);
    }
    this.#savedTo = position.nextEid;
    // Values that changed again in the meantime stay.
    if (isWhole) {
      this.#lateChanges.clear();
      this.#isAnew = false;
    }
    for (const { values } of late) {
      for (const one of values) if (this.#lateChanges.get(one[0]) === one) this.#lateChanges.delete(one[0]);
    }
  }

  /** What belongs into the log of values, once the rows are written. */
  *values({ cursors, position }: TableChange): Generator<readonly [key: string, value: unknown]> {
    for (const [query, cursor] of cursors) yield [this.#cursorKey(query), cursor];
    const here = this.#here(position);
    const isSaved = this.#savedPosition !== undefined && isSamePosition(here, this.#savedPosition);
    if (!isSaved) yield [this.#positionKey, here];
  }

  #here(position: SavedBuffer): SavedTable {
    return { ...position, firstFile: this.#firstFile };
  }

  /** Notes that the values of a change are on disk, and deletes what is no longer needed. */
  async saved({ position, cursors }: TableChange): Promise<void> {
    this.#savedPosition = this.#here(position);
    for (const [query, cursor] of cursors) {
      if (this.#cursorChanges.get(query) === cursor) this.#cursorChanges.delete(query);
    }
    await this.#log.dropBefore(this.#firstFile);
    await this.#log.dropBelow(position.from);
  }

  /** Whether the files are still where the next process would find them. */
  isThere(): Promise<boolean> {
    return this.#log.isThere();
  }

  /**
   * Starts again in an empty directory: everything is written there next.
   *
   * @throws ErrnoException if that fails
   */
  async beginAnew(directory: string): Promise<void> {
    const { log } = RowLog.open(`${directory}/${this.#table.name}`, this.#table.columnNames, () => {});
    await this.#log.close().catch(() => {});
    this.#log = log;
    this.#isAnew = true;
    this.#savedPosition = undefined;
    this.#table.cursors.touchAll();
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

const START: SavedTable = { from: 1, nextEid: 1, readUpTo: 1, gone: [], firstFile: 1 };

/** Rows whose late values are written in one piece; others have their turn between two pieces. */
const PIECE_ROWS = 2_000;

const inPieces = (values: readonly LateRow[]): (readonly LateRow[])[] => {
  const pieces: (readonly LateRow[])[] = [];
  for (let at = 0; at < values.length; at += PIECE_ROWS) pieces.push(values.slice(at, at + PIECE_ROWS));
  return pieces;
};

/** The saved position; undefined if it is not valid. */
const readPosition = (value: unknown): SavedTable | undefined => {
  // A version that did not rewrite files saved it: then all files count.
  const { from, nextEid, readUpTo, gone, firstFile = START.firstFile } = asRecord(value);
  if (!isNumber(from) || !isNumber(nextEid) || !isNumber(readUpTo) || !Array.isArray(gone)) return undefined;
  if (!isNumber(firstFile)) return undefined;
  return { from, nextEid, readUpTo, gone: gone.map(asRecord).filter(isRange), firstFile };
};

const isSamePosition = (one: SavedTable, other: SavedTable): boolean =>
  one.firstFile === other.firstFile &&
  one.from === other.from &&
  one.nextEid === other.nextEid &&
  one.readUpTo === other.readUpTo &&
  one.gone.length === other.gone.length &&
  one.gone.every(({ from, to }, i) => from === other.gone[i]!.from && to === other.gone[i]!.to);

/** @param end number behind the last saved row: the numbers of lost rows are assigned again */
const readCursor = (value: unknown, end: number): Cursor | undefined => {
  const { executionId, counter, isCounted, ...range } = asRecord(value);
  if (typeof executionId !== 'string' || !isRange(range)) return undefined;
  return {
    executionId,
    counter: typeof counter === 'string' ? counter : undefined,
    isCounted: isCounted === true,
    from: Math.min(range.from, end),
    to: Math.min(range.to, end),
  };
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;

const isRange = (value: Readonly<Record<string, unknown>>): value is { from: number; to: number } =>
  isNumber(value.from) && isNumber(value.to) && value.from <= value.to;
