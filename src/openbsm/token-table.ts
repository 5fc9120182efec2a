import { dataToken } from './data-token.ts';
import {
  byteHex,
  choice,
  digest,
  errorNumber,
  groups,
  hex32,
  hex64,
  id32,
  ipv4,
  ipv6,
  octal32,
  opaque,
  prefixedHex16,
  signed64,
  strings,
  text,
  typedAddress,
  u8,
  u16,
  u32,
  u64,
  unixPath,
  uuid,
} from './field.ts';
import { socketExToken } from './socket-ex-token.ts';
import { type TokenCodec, token } from './token-codec.ts';

/** Ids, layouts and print forms: OpenBSM, bsm/audit_record.h and libbsm; identity is Apple's own. */

const process = { auid: id32, euid: id32, egid: id32, ruid: id32, rgid: id32, pid: u32, sid: u32 };
const attr = { mode: octal32, uid: id32, gid: id32, fsid: u32, node: signed64 };

export const TOKENS = [
  token(0x11, 'file', { seconds: u32, milliseconds: u32, name: text }),
  dataToken,
  token(0x22, 'ipc', { type: u8, id: u32 }),
  token(0x23, 'path', { path: text }),
  token(0x24, 'subject32', { ...process, port: u32, address: ipv4 }),
  token(0x26, 'process32', { ...process, port: u32, address: ipv4 }),
  token(0x27, 'return32', { error: u8, value: u32 }),
  token(0x28, 'text', { text }),
  token(0x29, 'opaque', { bytes: opaque }),
  token(0x2a, 'in_addr', { address: ipv4 }),
  /** An IPv4 header as it was sent. */
  token(0x2b, 'ip', {
    version: byteHex,
    typeOfService: byteHex,
    length: u16,
    id: u16,
    offset: u16,
    timeToLive: byteHex,
    protocol: byteHex,
    checksum: u16,
    source: ipv4,
    destination: ipv4,
  }),
  token(0x2c, 'iport', { port: prefixedHex16 }),
  token(0x2d, 'arg32', { number: u8, value: hex32, text }),
  token(0x2e, 'socket', {
    type: u16,
    localPort: u16,
    localAddress: ipv4,
    remotePort: u16,
    remoteAddress: ipv4,
  }),
  token(0x2f, 'seq', { sequence: u32 }),
  token(0x32, 'ipc_perm', {
    uid: id32,
    gid: id32,
    creatorUid: id32,
    creatorGid: id32,
    mode: octal32,
    sequence: u32,
    key: u32,
  }),
  token(0x38, 'priv', { type: text, privilege: text }),
  token(0x39, 'upriv', {
    successful: choice('failed use of priv', 'successful use of priv'),
    privilege: text,
  }),
  token(0x3b, 'newgroups', { groups }),
  token(0x3c, 'exec_args', { args: strings }),
  token(0x3d, 'exec_env', { env: strings }),
  token(0x3e, 'attr32', { ...attr, device: u32 }),
  token(0x52, 'exit', { status: errorNumber, value: u32 }),
  token(0x60, 'zonename', { zone: text }),
  token(0x71, 'arg64', { number: u8, value: hex64, text }),
  token(0x72, 'return64', { error: u8, value: signed64 }),
  token(0x73, 'attr64', { ...attr, device: u64 }),
  token(0x75, 'subject64', { ...process, port: u64, address: ipv4 }),
  token(0x77, 'process64', { ...process, port: u64, address: ipv4 }),
  token(0x7a, 'subject32_ex', { ...process, port: u32, address: typedAddress }),
  token(0x7b, 'process32_ex', { ...process, port: u32, address: typedAddress }),
  token(0x7c, 'subject64_ex', { ...process, port: u64, address: typedAddress }),
  token(0x7d, 'process64_ex', { ...process, port: u64, address: typedAddress }),
  token(0x7e, 'in_addr_ex', { address: typedAddress }),
  socketExToken,
  token(0x80, 'sockinet32', { family: u16, port: u16, address: ipv4 }),
  token(0x81, 'sockinet128', { family: u16, port: u16, address: ipv6 }),
  token(0x82, 'sockunix', { family: u16, path: unixPath }),
  token(0x84, 'arg_uuid', { number: u8, uuid, text }),
  token(0x85, 'return_uuid', { number: u8, uuid, text }),
  token(0xed, 'identity', {
    signerType: u32,
    signingId: text,
    signingIdTruncated: choice('complete', 'truncated'),
    teamId: text,
    teamIdTruncated: choice('complete', 'truncated'),
    cdhash: digest,
  }),
] as const;

type TokenOf<C> = C extends TokenCodec<infer K, infer V> ? { readonly kind: K } & V : never;

/** A token whose id is in the table. */
export type KnownToken = TokenOf<(typeof TOKENS)[number]>;

export type TokenKind = KnownToken['kind'];

/** An id without a known layout, with all bytes up to the trailer, because its end is not known. */
export interface UnknownToken {
  readonly kind: 'unknown';
  readonly id: number;
  readonly bytes: Uint8Array;
}

export type Token = KnownToken | UnknownToken;

/** A codec of any token, for look-ups at run time. */
type AnyCodec = TokenCodec<TokenKind, unknown>;

const CODECS: readonly AnyCodec[] = TOKENS;
const BY_ID = new Map(CODECS.map(codec => [codec.id, codec]));
const BY_KIND = new Map(CODECS.map(codec => [codec.kind, codec]));

export const codecOfId = (id: number): AnyCodec | undefined => BY_ID.get(id);

export const codecOfKind = (kind: TokenKind): AnyCodec => BY_KIND.get(kind)!;
