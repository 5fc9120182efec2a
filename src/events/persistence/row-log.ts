import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { LateRow } from '../late-columns.ts';
import { isPackedBatch, type PackedBatch, type StoredBatch } from '../row-batch.ts';
import { AppendFile } from './append-file.ts';
import { encodeFrame, type Frame, MAX_PAYLOAD_BYTES, scanFrames } from './frame.ts';
import { parseJson } from './parse-json.ts';
import {
  decodePackedFrame,
  decodeRowFrame,
  encodePackedFrame,
  encodeRowFrame,
  moveColumns,
  unpackedLength,
} from './row-frame.ts';

/** Unpacked bytes of a file after which the next one is begun. */
const FILE_BYTES = 4 * 1024 * 1024;
const FILE_NAME = /^\d{12}\.rows$/;

/** Longest file that is read, packed and unpacked. A longer one was not written by us. */
const MAX_FILE_BYTES = FILE_BYTES + 2 * MAX_PAYLOAD_BYTES;

/** Kinds of frames. */
const HEADER = 1;
const ROWS = 2;
const LATE = 3;
const PACKED_ROWS = 4;

/** Version of the file format. */
const VERSION = 2;
/** Other versions are not read. Files of version 1 have no packed rows. */
const READABLE: ReadonlySet<unknown> = new Set([1, VERSION]);

/** Late values of some rows, in the order of `names`. */
export interface LateBatch {
  readonly names: readonly string[];
  readonly values: readonly LateRow[];
}

/** Receives rows as they are read, oldest first; some may be missing between batches. */
export type TakeRows = (batch: StoredBatch) => void;

/** The content of a log besides its rows. */
export interface LoggedRows {
  readonly late: readonly LateBatch[];
  /** Bytes that could not be read: a cut-off last write, or damage. */
  readonly lostBytes: number;
}

interface Resume {
  readonly path: string;
  /** Bytes of whole frames in it. */
  readonly length: number;
  /** The same with unpacked rows. */
  readonly unpacked: number;
}

interface LogFile {
  readonly sequence: number;
  /** All rows of the files before it have lower numbers. */
  readonly firstEid: number;
  bytes: number;
}

/** Bytes that the files may have besides twice the bytes worth keeping. */
const SPARE_BYTES = 32 * 1024 * 1024;

/**
 * The rows of one table on disk: files that are appended to, and deleted whole, oldest first. Nothing in them ever
 * changes, so the process may be killed at any moment.
 */
export class RowLog {
  readonly #directory: string;
  readonly #columnNames: readonly string[];
  readonly #files: LogFile[];
  readonly #firstFile: number;
  #file: AppendFile | undefined;
  /** Bytes of that file with unpacked rows. */
  #unpacked = 0;
  /** The last file found at the start, to continue it. */
  #resume: Resume | undefined;
  /** Number behind the last row written. */
  #nextEid: number;

  private constructor(start: {
    readonly directory: string;
    readonly columnNames: readonly string[];
    readonly files: LogFile[];
    readonly firstFile: number;
    readonly resume: Resume | undefined;
    readonly nextEid: number;
  }) {
    const { directory, columnNames, files, firstFile, resume, nextEid } = start;
    this.#directory = directory;
    this.#columnNames = columnNames;
    this.#files = files;
    this.#firstFile = firstFile;
    this.#resume = resume;
    this.#nextEid = nextEid;
  }

  /**
   * Reads the existing files.
   *
   * @param directory made if it does not exist
   * @param firstFile number of the first file that counts: earlier ones were rewritten
   * @throws ErrnoException if the directory cannot be read
   */
  static open(
    directory: string,
    columnNames: readonly string[],
    take: TakeRows,
    firstFile = 1,
  ): { readonly log: RowLog; readonly found: LoggedRows } {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const reader = new RowLogReader(columnNames, take);
    const files: LogFile[] = [];
    let resume: Resume | undefined;
    const names = readdirSync(directory)
      .filter(name => FILE_NAME.test(name))
      .sort();
    for (const name of names) {
      const path = join(directory, name);
      const sequence = Number.parseInt(name, 10);
      if (sequence < firstFile) {
        unlinkSync(path);
        continue;
      }
      const { nextEid } = reader;
      const { firstEid, length, unpacked, isCurrent } = reader.read(readBounded(path));
      files.push({ sequence, firstEid: Math.max(firstEid, nextEid), bytes: length });
      resume = isCurrent && unpacked < FILE_BYTES ? { path, length, unpacked } : undefined;
    }
    return {
      log: new RowLog({ directory, columnNames, files, firstFile, resume, nextEid: reader.nextEid }),
      found: reader.found(),
    };
  }

  /**
   * Appends rows, and late values of rows.
   *
   * @throws ErrnoException if the disk refuses them; they can be passed again then
   */
  async write(batches: readonly (StoredBatch | PackedBatch)[], late: LateBatch | undefined): Promise<void> {
    const chunks = batches.flatMap(encodeBatch);
    if (late !== undefined) chunks.push(...encodeFrame(LATE, [Buffer.from(JSON.stringify(late))]));
    if (chunks.length === 0) return;
    if (this.#file !== undefined && this.#unpacked >= FILE_BYTES) await this.close();
    this.#file ??=
      this.#resume === undefined
        ? await this.#begin(batches[0]?.firstEid ?? this.#nextEid)
        : await this.#goOn();
    await this.#file.append(chunks);
    const length = sumOf(chunks.map(chunk => chunk.length));
    this.#unpacked += length + sumOf(batches.map(savedByPacking));
    this.#files.at(-1)!.bytes += length;
    const last = batches.at(-1);
    if (last !== undefined) this.#nextEid = last.firstEid + last.ends.length;
  }

  async #goOn(): Promise<AppendFile> {
    const { path, length, unpacked } = this.#resume!;
    const file = await AppendFile.open(path, length);
    this.#unpacked = unpacked;
    this.#resume = undefined;
    return file;
  }

  async #begin(firstEid: number): Promise<AppendFile> {
    const sequence = this.#nextSequence;
    const header: Header = { version: VERSION, firstEid, columns: this.#columnNames };
    const file = await AppendFile.open(this.#path(sequence));
    try {
      await file.append(encodeFrame(HEADER, [Buffer.from(JSON.stringify(header))]));
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#files.push({ sequence, firstEid, bytes: file.length });
    this.#unpacked = file.length;
    return file;
  }

  get #nextSequence(): number {
    return (this.#files.at(-1)?.sequence ?? this.#firstFile - 1) + 1;
  }

  #path(sequence: number): string {
    return join(this.#directory, `${String(sequence).padStart(12, '0')}.rows`);
  }

  /** Whether much of it is no longer worth keeping, given the bytes that are. */
  isWasteful(worthBytes: number): boolean {
    return sumOf(this.#files.map(({ bytes }) => bytes)) > 2 * worthBytes + SPARE_BYTES;
  }

  /**
   * Writes everything worth keeping into new files. They count once their number is saved; then `dropBefore` deletes
   * the others.
   *
   * @returns number of the first new file
   * @throws ErrnoException if the disk refuses them; then the log is unchanged
   */
  async rewrite(batches: readonly (StoredBatch | PackedBatch)[], late: Iterable<LateBatch>): Promise<number> {
    const before = this.#files.length;
    await this.#endFile();
    const firstFile = this.#nextSequence;
    try {
      for (const batch of batches) await this.write([batch], undefined);
      for (const values of late) await this.write([], values);
    } catch (error) {
      await this.#endFile();
      for (const { sequence } of this.#files.splice(before))
        await unlink(this.#path(sequence)).catch(() => {});
      throw error;
    }
    return firstFile;
  }

  /** The next rows go into a new file. */
  async #endFile(): Promise<void> {
    await this.close();
    this.#resume = undefined;
  }

  /** Deletes the files before one. */
  async dropBefore(sequence: number): Promise<void> {
    while (this.#files.length > 0 && this.#files[0]!.sequence < sequence) await this.#deleteOldest();
  }

  async #deleteOldest(): Promise<void> {
    await unlink(this.#path(this.#files[0]!.sequence)).catch(ignoreMissing);
    this.#files.shift();
  }

  /** Deletes the files that have only rows below a number. The newest file stays. */
  async dropBelow(eid: number): Promise<void> {
    while (this.#files.length > 1 && this.#files[1]!.firstEid <= eid) {
      await this.#deleteOldest();
    }
  }

  /** Whether the file being written is still in the directory. */
  async isThere(): Promise<boolean> {
    return (await this.#file?.isThere()) ?? true;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

const ignoreMissing = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'ENOENT') throw error;
};

const encodeBatch = (batch: StoredBatch | PackedBatch): Uint8Array[] =>
  isPackedBatch(batch)
    ? encodeFrame(PACKED_ROWS, encodePackedFrame(batch))
    : encodeFrame(ROWS, encodeRowFrame(batch));

const savedByPacking = (batch: StoredBatch | PackedBatch): number =>
  isPackedBatch(batch) ? batch.length - batch.packed.length : 0;

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

const readBounded = (path: string): Buffer =>
  statSync(path).size > MAX_FILE_BYTES ? Buffer.alloc(0) : readFileSync(path);

interface Header {
  readonly version: number;
  readonly firstEid: number;
  readonly columns: readonly string[];
}

interface ReadFile {
  readonly firstEid: number;
  /** Bytes of whole frames. */
  readonly length: number;
  /** The same with unpacked rows. */
  readonly unpacked: number;
  readonly isCurrent: boolean;
}

/** Reads the rows of all files, in the order in which they were written. Throws only what `take` throws. */
export class RowLogReader {
  readonly #columnNames: readonly string[];
  readonly #take: TakeRows;
  readonly #late: LateBatch[] = [];
  /** Number behind the last row read. */
  nextEid = 1;
  #lostBytes = 0;

  constructor(columnNames: readonly string[], take: TakeRows) {
    this.#columnNames = columnNames;
    this.#take = take;
  }

  /** @returns `isCurrent`: whether the file can be continued at `length` */
  read(bytes: Buffer): ReadFile {
    const { frames, length } = scanFrames(bytes);
    const header = parseHeader(frames[0]);
    if (header === undefined) {
      this.#lostBytes += bytes.length;
      return { firstEid: this.nextEid, length, unpacked: length, isCurrent: false };
    }
    this.#lostBytes += bytes.length - length;
    const hasOurColumns =
      header.columns.length === this.#columnNames.length &&
      header.columns.every((name, index) => name === this.#columnNames[index]);
    let unpacked = length;
    for (const frame of frames.slice(1)) {
      if (frame.kind === PACKED_ROWS) unpacked += unpackedLength(frame.payload);
      if (unpacked > MAX_FILE_BYTES) this.#lostBytes += frame.payload.length;
      else this.#readFrame(frame, hasOurColumns ? undefined : header.columns);
    }
    return {
      firstEid: header.firstEid,
      length,
      unpacked,
      isCurrent: hasOurColumns && header.version === VERSION,
    };
  }

  /** @param columns those of the file, if they differ */
  #readFrame({ kind, payload }: Frame, columns: readonly string[] | undefined): void {
    if (kind === ROWS || kind === PACKED_ROWS) {
      const decode = kind === ROWS ? decodeRowFrame : decodePackedFrame;
      const batch = decode(payload, columns ?? this.#columnNames);
      // Row numbers only rise; missing ones were dropped, or are damaged.
      if (batch !== undefined && batch.firstEid >= this.nextEid) {
        this.nextEid = batch.firstEid + batch.ends.length;
        this.#take(columns === undefined ? batch : moveColumns(batch, columns, this.#columnNames));
        return;
      }
      // Rewritten by a process that was killed before the new files counted.
      if (batch !== undefined && batch.firstEid + batch.ends.length <= this.nextEid) return;
    } else if (kind === LATE) {
      const late = parseLate(payload);
      if (late !== undefined) {
        this.#late.push(late);
        return;
      }
    }
    this.#lostBytes += payload.length;
  }

  found(): LoggedRows {
    return { late: this.#late, lostBytes: this.#lostBytes };
  }
}

const parseHeader = (frame: Frame | undefined): Header | undefined => {
  if (frame?.kind !== HEADER) return undefined;
  const { version, firstEid, columns } = (parseJson(frame.payload) ?? {}) as Partial<Header>;
  if (!READABLE.has(version) || !Number.isSafeInteger(firstEid) || !isTexts(columns)) return undefined;
  return { version: version!, firstEid: firstEid!, columns };
};

const parseLate = (payload: Buffer): LateBatch | undefined => {
  const { names, values } = (parseJson(payload) ?? {}) as Partial<LateBatch>;
  if (!isTexts(names) || !Array.isArray(values)) return undefined;
  const isSound = values.every(
    entry =>
      Array.isArray(entry) &&
      Number.isSafeInteger(entry[0]) &&
      Array.isArray(entry[1]) &&
      entry[1].every(value => value === null || typeof value === 'string'),
  );
  return isSound ? { names, values } : undefined;
};

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(item => typeof item === 'string');
