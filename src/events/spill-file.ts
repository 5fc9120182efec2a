import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../runtime/message-of.ts';

/** Bytes of a table's rows that stay in memory. */
const FROM_BYTES = 32 * 1024 * 1024;
/** Bytes that stay free in the filesystem. */
const FREE_BYTES = 256 * 1024 * 1024;
/** Bytes written between two checks of the free space. */
const LOOK_BYTES = 64 * 1024 * 1024;
/** Pieces kept in memory after a read: the index and the frames of one piece are read one after the other. */
const KEPT_PIECES = 8;
const OWNER_ONLY = 0o600;
/** Source: asm-generic/fcntl.h. All but O_DIRECTORY are the same on x64 and arm64. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** Errors of open if the kernel or the filesystem does not support O_TMPFILE. Source: open(2). */
const NO_TMPFILE: ReadonlySet<string> = new Set(['EISDIR', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL']);

interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** Rows whose bytes go into the file, and their places in them. */
export interface Spillable {
  bytes: Buffer;
  /** End of each row; there may be room for more. */
  ends: Uint32Array;
  times: Float64Array;
  /** Two for each row. */
  masks: Uint32Array;
  readonly rows: number;
}

type RowIndex = Pick<Spillable, 'ends' | 'times' | 'masks'>;

/**
 * A temporary file for rows that do not fit into memory. It has no name, so it disappears with the process, however
 * that ends. The free space bounds its size.
 */
export class SpillFile {
  /** Bytes of memory that a table may take before its rows go here. */
  readonly from: number;
  readonly #directory: string;
  readonly #onOpen: () => void;
  readonly #onFull: (why: string) => void;
  #fd: number | undefined;
  #length = 0;
  #lookAt = 0;
  #isFull = false;
  /** Least recently used first. */
  readonly #kept: { readonly piece: Piece; readonly content: Buffer | RowIndex }[] = [];

  /** @param on called once each: when the file is made, and when nothing more fits into it */
  constructor(
    directory: string,
    on: { readonly open: () => void; readonly full: (why: string) => void },
    from: number = FROM_BYTES,
  ) {
    this.#directory = directory;
    this.from = from;
    this.#onOpen = on.open;
    this.#onFull = on.full;
  }

  /** Bytes that it has. */
  get length(): number {
    return this.#length;
  }

  /**
   * Moves rows into the file, with their index, which for small rows is as large. From now on they are read from
   * there on demand.
   *
   * @returns false if they stay in memory, because there is no room
   */
  take(holder: Spillable): boolean {
    const { rows } = holder;
    const bytes = this.#write(holder.bytes);
    const index = bytes && this.#write(indexBytes(holder));
    if (index === undefined) return false;
    const readBytes = (): Buffer => this.#content(bytes!, read => read);
    const readIndex = (): RowIndex => this.#content(index, read => indexOf(read, rows));
    Object.defineProperties(holder, {
      bytes: { get: readBytes, enumerable: true },
      ends: { get: () => readIndex().ends, enumerable: true },
      times: { get: () => readIndex().times, enumerable: true },
      masks: { get: () => readIndex().masks, enumerable: true },
    });
    return true;
  }

  #write(bytes: Buffer): Piece | undefined {
    if (this.#isFull) return undefined;
    try {
      if (this.#length >= this.#lookAt) this.#look();
      this.#fd ??= this.#open();
      const piece = { offset: this.#length, length: bytes.length };
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#fd, bytes, at, bytes.length - at, piece.offset + at);
      }
      this.#length += bytes.length;
      return piece;
    } catch (error) {
      this.#isFull = true;
      this.#onFull(messageOf(error));
      return undefined;
    }
  }

  #open(): number {
    const fd = this.#openNameless() ?? this.#openUnlinked();
    this.#onOpen();
    return fd;
  }

  /** A file that never gets a name, so it is gone however the process ends; undefined if the filesystem does not support it. */
  #openNameless(): number | undefined {
    if (process.platform !== 'linux') return undefined;
    try {
      return openSync(this.#directory, constants.O_RDWR | O_TMPFILE, OWNER_ONLY);
    } catch (error) {
      if (NO_TMPFILE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  #openUnlinked(): number {
    const path = join(this.#directory, `osquery-audit-events-${randomBytes(8).toString('hex')}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
    unlinkSync(path);
    return fd;
  }

  #look(): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    const free = bavail * bsize;
    if (free < FREE_BYTES + LOOK_BYTES) throw new Error(`only ${Math.floor(free / 2 ** 20)} MiB are free`);
    this.#lookAt = this.#length + LOOK_BYTES;
  }

  #content<Content extends Buffer | RowIndex>(piece: Piece, read: (bytes: Buffer) => Content): Content {
    const last = this.#kept.at(-1);
    if (last?.piece === piece) return last.content as Content;
    const place = this.#kept.findIndex(kept => kept.piece === piece);
    const [found] = place < 0 ? [] : this.#kept.splice(place, 1);
    const content = found === undefined ? read(this.#readFile(piece)) : (found.content as Content);
    this.#kept.push({ piece, content });
    if (this.#kept.length > KEPT_PIECES) this.#kept.shift();
    return content;
  }

  #readFile({ offset, length }: Piece): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let at = 0; at < length; ) {
      const read = readSync(this.#fd!, bytes, at, length - at, offset + at);
      if (read === 0) throw new Error('the temporary file with rows has become shorter');
      at += read;
    }
    return bytes;
  }

  /** Idempotent. Its content can no longer be read. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#isFull = true;
    this.#kept.length = 0;
  }
}

const indexBytes = ({ ends, times, masks, rows }: Spillable): Buffer =>
  Buffer.concat([
    bytesOf(times.subarray(0, rows)),
    bytesOf(ends.subarray(0, rows)),
    bytesOf(masks.subarray(0, 2 * rows)),
  ]);

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** @param read a separate buffer, so that its words are aligned */
const indexOf = ({ buffer, byteOffset }: Buffer, rows: number): RowIndex => {
  const timesEnd = byteOffset + rows * Float64Array.BYTES_PER_ELEMENT;
  return {
    times: new Float64Array(buffer, byteOffset, rows),
    ends: new Uint32Array(buffer, timesEnd, rows),
    masks: new Uint32Array(buffer, timesEnd + rows * Uint32Array.BYTES_PER_ELEMENT, 2 * rows),
  };
};
