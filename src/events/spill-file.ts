import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../runtime/message-of.ts';

/** Bytes of memory for the rows of a table. */
const FROM_BYTES = 64 * 1024 * 1024;
/** Bytes that stay free in the filesystem. */
const FREE_BYTES = 256 * 1024 * 1024;
/** Bytes written between two looks at what is free. */
const LOOK_BYTES = 64 * 1024 * 1024;
/** Pieces that were read last and stay in memory: the frames of one are read one after the other. */
const KEPT_PIECES = 4;
const OWNER_ONLY = 0o600;

interface Piece {
  readonly offset: number;
  readonly length: number;
}

/**
 * A temporary file for rows that do not fit into memory. It has no name from the moment on that it is open, so that it is gone
 * whatever ends the process, and is bounded by what is free.
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
  /** The one used last is the last. */
  readonly #kept: { readonly piece: Piece; readonly bytes: Buffer }[] = [];

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
   * Moves bytes into the file: from now on `holder.bytes` reads them from there.
   *
   * @returns false if they stay where they are, because there is no room
   */
  take(holder: { bytes: Buffer }): boolean {
    const piece = this.#write(holder.bytes);
    if (piece === undefined) return false;
    Object.defineProperty(holder, 'bytes', { get: () => this.#read(piece), enumerable: true });
    return true;
  }

  #write(bytes: Buffer): Piece | undefined {
    if (this.#isFull) return undefined;
    try {
      this.#fd ??= this.#open();
      if (this.#length >= this.#lookAt) this.#look();
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
    const path = join(this.#directory, `osquery-audit-events-${randomBytes(8).toString('hex')}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
    unlinkSync(path);
    this.#onOpen();
    return fd;
  }

  #look(): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    const free = bavail * bsize;
    if (free < FREE_BYTES + LOOK_BYTES) throw new Error(`only ${Math.floor(free / 2 ** 20)} MiB are free`);
    this.#lookAt = this.#length + LOOK_BYTES;
  }

  #read(piece: Piece): Buffer {
    const place = this.#kept.findIndex(kept => kept.piece === piece);
    const [found] = place < 0 ? [] : this.#kept.splice(place, 1);
    const bytes = found?.bytes ?? this.#readFile(piece);
    this.#kept.push({ piece, bytes });
    if (this.#kept.length > KEPT_PIECES) this.#kept.shift();
    return bytes;
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

  /** Idempotent. What is in it cannot be read any more. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#isFull = true;
    this.#kept.length = 0;
  }
}
