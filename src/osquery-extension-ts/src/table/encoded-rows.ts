import { OsqueryError } from '../errors.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { T_STRING } from '../wire/thrift-types.ts';

/** One row, or one request, as osquery passes it: names and values are text; an absent name is NULL. */
export type PluginRow = Readonly<Record<string, string>>;

/**
 * A request to a plugin, from its caller's side: bytes for values that are not text. The plugin gets it as a
 * PluginRow.
 */
export type PluginRequest = Readonly<Record<string, string | Uint8Array>>;

/**
 * A part of some rows that is made when its turn to be written comes, so that a reply that nobody reads takes no
 * memory.
 */
export interface LateChunk {
  /** Most bytes. */
  readonly length: number;
  /** Its bytes, the same on every call. */
  make(): readonly Uint8Array[];
}

/**
 * Rows in wire format. Each is a TBinaryProtocol `map<string,string>`: its two type bytes (`0b 0b`), the number of
 * entries as i32, then per entry the lengths (i32) and bytes of name and value. The chunks, joined, hold exactly
 * `count` rows; chunk boundaries have no meaning.
 *
 * Chunks must not be changed after they were returned: they are written to the socket as its reader takes them.
 */
export interface EncodedRows<Chunk extends Uint8Array | LateChunk = Uint8Array | LateChunk> {
  /** Number of rows. */
  readonly count: number;
  /** Their bytes, one row after the other. */
  readonly chunks: readonly Chunk[];
}

/** All bytes of some chunks; late ones are made one after the other. */
export function* bytesOf(chunks: EncodedRows['chunks']): Generator<Uint8Array, void> {
  for (const chunk of chunks) {
    if (chunk instanceof Uint8Array) yield chunk;
    else yield* chunk.make();
  }
}

/** A plugin's answer: rows as objects, or encoded. */
export type ResponseRows = readonly PluginRow[] | EncodedRows;

/** Whether an answer is encoded. */
export function isEncodedRows(rows: ResponseRows): rows is EncodedRows {
  return !Array.isArray(rows);
}

/** Encodes rows of any names. For a table's rows, whose names are known, a row encoder is several times faster. */
export function encodeRows(rows: readonly PluginRow[]): EncodedRows<Uint8Array> {
  const out = new ByteWriter();
  for (const row of rows) {
    const names = Object.keys(row);
    out.byte(T_STRING);
    out.byte(T_STRING);
    out.i32(names.length);
    for (const name of names) {
      const value = row[name];
      if (typeof value !== 'string') {
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `value of ${JSON.stringify(name)} is ${typeof value}; rows hold text`,
        );
      }
      out.string(name);
      out.string(value);
    }
  }
  return { count: rows.length, chunks: out.length === 0 ? [] : [out.take()] };
}

/** A row of which some values are bytes. */
export type RowWithBlobs<Blobs extends string> = Readonly<Record<string, string | Buffer>> & {
  readonly [N in Blobs]?: Buffer;
};

/** How rows are decoded. */
export interface DecodeOptions<Blobs extends string = never> {
  /** Names whose values are wanted as bytes; in all others, invalid UTF-8 becomes U+FFFD. */
  readonly blobs?: readonly Blobs[];
}

/** Decodes every row into an object. */
export function decodeRows(rows: EncodedRows): PluginRow[];
export function decodeRows<const Blobs extends string>(
  rows: EncodedRows,
  options: DecodeOptions<Blobs>,
): RowWithBlobs<Blobs>[];
export function decodeRows(rows: EncodedRows, { blobs }: DecodeOptions<string> = {}): unknown[] {
  const [only] = rows.chunks;
  const bytes =
    rows.chunks.length === 1 && only instanceof Buffer ? only : Buffer.concat([...bytesOf(rows.chunks)]);
  const cursor = new ByteCursor(bytes);
  const names = new NameCache();
  const bytesOfNames = blobs === undefined || blobs.length === 0 ? undefined : new Set(blobs);
  const decoded: unknown[] = [];
  for (let left = rows.count; left > 0; left -= 1) decoded.push(decodeRow(cursor, names, bytesOfNames));
  if (cursor.position !== bytes.length) {
    throw new OsqueryError(
      'OSQUERY_PROTOCOL',
      `${rows.count} encoded rows end at byte ${cursor.position} of ${bytes.length}`,
    );
  }
  return decoded;
}

/** Reads one `map<string,string>`; `blobs` are the names whose values are wanted as bytes. */
export function decodeRow(cursor: ByteCursor, names?: NameCache): PluginRow;
export function decodeRow(
  cursor: ByteCursor,
  names: NameCache | undefined,
  blobs: ReadonlySet<string> | undefined,
): Readonly<Record<string, string | Buffer>>;
export function decodeRow(
  cursor: ByteCursor,
  names?: NameCache,
  blobs?: ReadonlySet<string>,
): Readonly<Record<string, string | Buffer>> {
  const count = rowHeader(cursor);
  const row: Record<string, string | Buffer> = {};
  for (let index = 0; index < count; index += 1) {
    const name = names === undefined ? cursor.string() : names.read(cursor, index);
    const value = blobs?.has(name) ? cursor.binary() : cursor.string();
    // A plain assignment would lose this one name, or change the object's prototype.
    if (name === '__proto__') {
      Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
    } else {
      row[name] = value;
    }
  }
  return row;
}

/**
 * Remembers the names of the previous row: rows of one answer have the same names in the same places, and comparing
 * bytes is cheaper than making the same strings again.
 */
export class NameCache {
  readonly #names: string[] = [];
  readonly #bytes: Buffer[] = [];

  read(cursor: ByteCursor, index: number): string {
    const known = this.#bytes[index];
    if (known !== undefined && cursor.skipIfString(known)) return this.#names[index]!;
    const start = cursor.position;
    const name = cursor.string();
    this.#names[index] = name;
    this.#bytes[index] = cursor.bytes.subarray(start, cursor.position);
    return name;
  }
}

/** The bytes of a value in a row, the last one of the name; undefined if there is none. */
export function valueBytes(cursor: ByteCursor, name: string): Buffer | undefined {
  let found: Buffer | undefined;
  for (let left = rowHeader(cursor); left > 0; left -= 1) {
    if (cursor.string() === name) found = cursor.binary();
    else cursor.skipString();
  }
  return found;
}

/** Skips one `map<string,string>` without decoding it. */
export function skipRow(cursor: ByteCursor): void {
  for (let left = rowHeader(cursor) * 2; left > 0; left -= 1) cursor.skipString();
}

function rowHeader(cursor: ByteCursor): number {
  const key = cursor.byte();
  const value = cursor.byte();
  const count = cursor.count();
  if (count !== 0 && (key !== T_STRING || value !== T_STRING)) {
    throw new OsqueryError(
      'OSQUERY_PROTOCOL',
      `row of types ${key} and ${value}; expected text to text (11, 11)`,
    );
  }
  return count;
}
