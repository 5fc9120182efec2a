import type { ExecutedFile } from './audit-event.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { DAMAGED, decimal, plainText, readText } from './value.ts';

/** Longest PATH record that is remembered, in bytes. */
const KNOWN_BYTES = 512;
/** How many files of an event are remembered. */
const KNOWN_FILES = 2;

/**
 * Reads the files of execs from their PATH records. It remembers the first files of the exec before: nearly all execs
 * have the same loader, and the same program often runs again.
 */
export class ExecutedFileReader {
  readonly #texts = Array.from({ length: KNOWN_FILES }, () => new KnownBytes(KNOWN_BYTES));
  readonly #files: ExecutedFile[] = [];

  /**
   * @param place of the record among those of its kind
   * @returns undefined if it is damaged
   */
  read(record: AuditRecord, place: number): ExecutedFile | undefined {
    const known = this.#texts[place];
    if (known === undefined) return readFile(record);
    const { bytes, start, end } = record;
    if (known.matches(bytes, start, end)) return this.#files[place]!;
    const file = readFile(record);
    if (file === undefined) return undefined;
    known.keep(bytes, start, end);
    this.#files[place] = file;
    return file;
  }
}

const NAME = keyHash('name');
const INODE = keyHash('inode');
const DEV = keyHash('dev');
const MODE = keyHash('mode');
const OUID = keyHash('ouid');
const OGID = keyHash('ogid');

const cursor = new FieldCursor();

const readFile = (record: AuditRecord): ExecutedFile | undefined => {
  let name: ReturnType<typeof readText>;
  let hasName = false;
  let hasInode = false;
  let inode: string | undefined;
  let dev: string | undefined;
  let mode: string | undefined;
  let ouid: number | undefined;
  let ogid: number | undefined;
  cursor.reset(record.bytes, record.start, record.end);
  // Behind `ogid` come capabilities and more, which are not needed.
  while (ogid === undefined && name !== DAMAGED && cursor.next()) {
    switch (cursor.key) {
      case NAME:
        hasName = true;
        name = readText(cursor);
        break;
      case INODE:
        hasInode = true;
        inode = plainText(cursor);
        break;
      case DEV:
        dev = plainText(cursor);
        break;
      case MODE:
        mode = plainText(cursor);
        break;
      case OUID:
        ouid = decimal(cursor);
        break;
      case OGID:
        ogid = decimal(cursor);
        break;
    }
  }
  if (name === DAMAGED) return undefined;
  // From `inode` to `rdev` the kernel writes all fields or none, and it always writes something behind a name: a
  // record that ends in between was cut off.
  const isCut = ogid === undefined ? hasInode || cursor.key === NAME || !cursor.isAtEnd : cursor.isAtEnd;
  if (!hasName || isCut) return undefined;
  return { name, inode, dev, mode, ouid, ogid };
};
