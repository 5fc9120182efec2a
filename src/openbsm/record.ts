import { ByteCursor, TokenFormatError } from './byte-cursor.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  type Header,
  headerCodecOfId,
  headerCodecOfKind,
  TRAILER_BYTES,
  TRAILER_ID,
  TRAILER_MAGIC,
} from './header.ts';
import { type BsmLimits, DEFAULT_BSM_LIMITS } from './limits.ts';
import { codecOfId, codecOfKind, type KnownToken, type Token, type TokenKind } from './token-table.ts';

/** Where and why the reading of a record stopped before its trailer. */
export interface RecordDamage {
  /** From the start of the trail, in bytes. */
  readonly offset: number;
  readonly reason: string;
}

export interface BsmRecord {
  readonly kind: 'record';
  /** Of the record's first byte, from the start of the trail. */
  readonly offset: number;
  /** Bytes, header and trailer included. */
  readonly length: number;
  readonly header: Header;
  /** The tokens between header and trailer, as far as they could be read. An `unknown` token is always the last. */
  readonly tokens: readonly Token[];
  /** Set if the bytes did not fit the form of a known token. What was read before is in `tokens`. */
  readonly damage: RecordDamage | undefined;
}

/** A record whose header and trailer agree, but whose header cannot be read. */
export interface UndecodableRecord {
  readonly kind: 'undecodable';
  readonly offset: number;
  readonly length: number;
  readonly damage: RecordDamage;
}

/**
 * Decodes one framed record. Never throws for what is in `bytes`.
 *
 * @param bytes a whole record, header and trailer included and in agreement about its length
 * @param offset of the record in its trail
 */
export const decodeRecord = (
  bytes: Uint8Array,
  offset = 0,
  limits: BsmLimits = DEFAULT_BSM_LIMITS,
): BsmRecord | UndecodableRecord => {
  const cursor = new ByteCursor(bytes, 0, bytes.length - TRAILER_BYTES, limits);
  const tokens: Token[] = [];
  let header: Header | undefined;
  let damage: RecordDamage | undefined;
  let start = 0;
  let reading = 'header';
  try {
    header = readHeader(cursor);
    while (cursor.left > 0) {
      start = cursor.position;
      if (tokens.length >= limits.maxTokens) {
        damage = {
          offset: offset + start,
          reason: `more than ${limits.maxTokens} tokens in a record (maxTokens)`,
        };
        break;
      }
      const id = cursor.u8();
      const codec = codecOfId(id);
      if (codec === undefined) {
        tokens.push({ kind: 'unknown', id, bytes: cursor.take(cursor.left) });
        break;
      }
      reading = codec.kind;
      tokens.push({ kind: codec.kind, ...(codec.read(cursor) as object) } as Token);
    }
  } catch (error) {
    if (!(error instanceof TokenFormatError)) throw error;
    damage = { offset: offset + start, reason: `${reading} token: ${error.message}` };
  }
  const length = bytes.length;
  if (header !== undefined) return { kind: 'record', offset, length, header, tokens, damage };
  return { kind: 'undecodable', offset, length, damage: damage! };
};

const readHeader = (cursor: ByteCursor): Header => {
  const id = cursor.u8();
  const codec = headerCodecOfId(id);
  if (codec === undefined) throw new TokenFormatError(`id 0x${id.toString(16)} is not the id of a header`);
  cursor.u32();
  return { kind: codec.kind, ...(codec.read(cursor) as object) } as Header;
};

/**
 * Encodes a whole record with its trailer, and computes the lengths.
 *
 * @throws RangeError if a value does not fit its field
 */
export const encodeRecord = (header: Header, tokens: readonly Token[]): Uint8Array => {
  const writer = new ByteWriter();
  const headerCodec = headerCodecOfKind(header.kind);
  writer.u8(headerCodec.id);
  writer.u32(0);
  headerCodec.write(writer, header);
  for (const token of tokens) writeToken(writer, token);

  const length = writer.length + TRAILER_BYTES;
  writer.u8(TRAILER_ID);
  writer.u16(TRAILER_MAGIC);
  writer.u32(length);
  const bytes = writer.finish();
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
};

/** Encodes one token alone, such as a bare file token between records. */
export const encodeToken = (token: Token): Uint8Array => {
  const writer = new ByteWriter();
  writeToken(writer, token);
  return writer.finish();
};

/**
 * Decodes one token alone, id included.
 *
 * @throws TokenFormatError if the bytes are no token of this kind
 */
export const decodeToken = <K extends TokenKind>(
  bytes: Uint8Array,
  kind: K,
): Extract<KnownToken, { kind: K }> => {
  const cursor = new ByteCursor(bytes);
  const codec = codecOfKind(kind);
  const id = cursor.u8();
  if (id !== codec.id) throw new TokenFormatError(`id 0x${id.toString(16)}, expected ${kind}`);
  return { kind, ...(codec.read(cursor) as object) } as Extract<KnownToken, { kind: K }>;
};

const writeToken = (writer: ByteWriter, token: Token): void => {
  if (token.kind === 'unknown') {
    writer.u8(token.id);
    writer.bytes(token.bytes);
    return;
  }
  const codec = codecOfKind(token.kind);
  writer.u8(codec.id);
  codec.write(writer, token);
};
