import { typedAddress, u8, u16, u32, u64 } from './field.ts';
import { type TokenCodec, token } from './token-codec.ts';

/** Between id and fields is the u32 length of the whole record, which the record's codec handles. */
const start = { version: u8, event: u16, modifier: u16 };

/** Header tokens. Source: OpenBSM, bsm/audit_record.h. */
export const HEADERS = [
  token(0x14, 'header32', { ...start, seconds: u32, milliseconds: u32 }),
  token(0x15, 'header32_ex', { ...start, address: typedAddress, seconds: u32, milliseconds: u32 }),
  token(0x74, 'header64', { ...start, seconds: u64, milliseconds: u64 }),
  token(0x79, 'header64_ex', { ...start, address: typedAddress, seconds: u64, milliseconds: u64 }),
] as const;

type HeaderOf<C> = C extends TokenCodec<infer K, infer V> ? { readonly kind: K } & V : never;

/** Version 11 is OpenBSM's current one, 10 its predecessor, 1 old Darwin, 2–4 Solaris. */
export type Header = HeaderOf<(typeof HEADERS)[number]>;

type AnyHeaderCodec = TokenCodec<Header['kind'], unknown>;

const CODECS: readonly AnyHeaderCodec[] = HEADERS;
const BY_ID = new Map(CODECS.map(codec => [codec.id, codec]));
const BY_KIND = new Map(CODECS.map(codec => [codec.kind, codec]));

export const headerCodecOfId = (id: number): AnyHeaderCodec | undefined => BY_ID.get(id);

export const headerCodecOfKind = (kind: Header['kind']): AnyHeaderCodec => BY_KIND.get(kind)!;

export const TRAILER_ID = 0x13;
export const TRAILER_MAGIC = 0xb105;
/** Id, magic, length. */
export const TRAILER_BYTES = 7;

/**
 * Smallest possible records, by the header's id: the header, with a 4-byte address if it has one, and the trailer.
 */
export const MIN_RECORD_BYTES: ReadonlyMap<number, number> = new Map([
  [0x14, 18 + TRAILER_BYTES],
  [0x15, 26 + TRAILER_BYTES],
  [0x74, 26 + TRAILER_BYTES],
  [0x79, 34 + TRAILER_BYTES],
]);
