import fc from 'fast-check';
import { formatAddress } from '../../src/openbsm/address.ts';
import type { Header } from '../../src/openbsm/header.ts';
import type { KnownToken, Token, TokenKind } from '../../src/openbsm/token-table.ts';
import type { TokenOfKind } from './sample-tokens.ts';

/** What encoding and decoding must leave as it is: every kind of token, with any value its fields can hold. */

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map(value => value.replaceAll('\0', ''))
  .filter(value => value.isWellFormed());
/** Zeroes often, for the `::` of an IPv6 address. */
const addressByte = fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, u8);
const addressOf = (length: number): fc.Arbitrary<string> =>
  fc
    .array(addressByte, { minLength: length, maxLength: length })
    .map(value => formatAddress(Uint8Array.from(value)));
const ipv4 = addressOf(4);
const ipv6 = addressOf(16);
const anyAddress = fc.oneof(ipv4, ipv6);
const strings = fc.array(text, { maxLength: 300, size: 'max' });
const uuid = bytes(16, 16).map(value =>
  Buffer.from(value)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
);

const ids = { auid: u32, euid: u32, egid: u32, ruid: u32, rgid: u32, pid: u32, sid: u32 };
const attr = { mode: u32, uid: u32, gid: u32, fsid: u32, node: u64 };

const values: { readonly [K in TokenKind]: fc.Arbitrary<Omit<TokenOfKind<K>, 'kind'>> } = {
  file: fc.record({ seconds: u32, milliseconds: u32, name: text }),
  data: fc
    .record({ form: u8, unit: fc.integer({ min: 0, max: 3 }), count: fc.integer({ min: 0, max: 255 }) })
    .chain(({ form, unit, count }) =>
      bytes(count * 2 ** unit, count * 2 ** unit).map(data => ({ form, unit, bytes: data })),
    ),
  ipc: fc.record({ type: u8, id: u32 }),
  path: fc.record({ path: text }),
  subject32: fc.record({ ...ids, port: u32, address: ipv4 }),
  process32: fc.record({ ...ids, port: u32, address: ipv4 }),
  return32: fc.record({ error: u8, value: u32 }),
  text: fc.record({ text }),
  opaque: fc.record({ bytes: bytes(0, 64) }),
  in_addr: fc.record({ address: ipv4 }),
  ip: fc.record({
    version: u8,
    typeOfService: u8,
    length: u16,
    id: u16,
    offset: u16,
    timeToLive: u8,
    protocol: u8,
    checksum: u16,
    source: ipv4,
    destination: ipv4,
  }),
  iport: fc.record({ port: u16 }),
  arg32: fc.record({ number: u8, value: u32, text }),
  socket: fc.record({ type: u16, localPort: u16, localAddress: ipv4, remotePort: u16, remoteAddress: ipv4 }),
  seq: fc.record({ sequence: u32 }),
  ipc_perm: fc.record({
    uid: u32,
    gid: u32,
    creatorUid: u32,
    creatorGid: u32,
    mode: u32,
    sequence: u32,
    key: u32,
  }),
  priv: fc.record({ type: text, privilege: text }),
  upriv: fc.record({ successful: fc.boolean(), privilege: text }),
  newgroups: fc.record({ groups: fc.array(u32, { maxLength: 40 }) }),
  exec_args: fc.record({ args: strings }),
  exec_env: fc.record({ env: strings }),
  attr32: fc.record({ ...attr, device: u32 }),
  exit: fc.record({ status: u32, value: u32 }),
  zonename: fc.record({ zone: text }),
  arg64: fc.record({ number: u8, value: u64, text }),
  return64: fc.record({ error: u8, value: u64 }),
  attr64: fc.record({ ...attr, device: u64 }),
  subject64: fc.record({ ...ids, port: u64, address: ipv4 }),
  process64: fc.record({ ...ids, port: u64, address: ipv4 }),
  subject32_ex: fc.record({ ...ids, port: u32, address: anyAddress }),
  process32_ex: fc.record({ ...ids, port: u32, address: anyAddress }),
  subject64_ex: fc.record({ ...ids, port: u64, address: anyAddress }),
  process64_ex: fc.record({ ...ids, port: u64, address: anyAddress }),
  in_addr_ex: fc.record({ address: anyAddress }),
  socket_ex: fc.oneof(ipv4, ipv6).chain(localAddress =>
    fc.record({
      domain: u16,
      type: u16,
      localPort: u16,
      localAddress: fc.constant(localAddress),
      remotePort: u16,
      remoteAddress: localAddress.includes(':') ? ipv6 : ipv4,
    }),
  ),
  sockinet32: fc.record({ family: u16, port: u16, address: ipv4 }),
  sockinet128: fc.record({ family: u16, port: u16, address: ipv6 }),
  sockunix: fc.record({ family: u16, path: text.filter(value => Buffer.byteLength(value) <= 108) }),
  arg_uuid: fc.record({ number: u8, uuid, text }),
  return_uuid: fc.record({ number: u8, uuid, text }),
  identity: fc.record({
    signerType: u32,
    signingId: text,
    signingIdTruncated: fc.boolean(),
    teamId: text,
    teamIdTruncated: fc.boolean(),
    cdhash: bytes(0, 32),
  }),
};

export const TOKEN_KINDS = Object.keys(values) as readonly TokenKind[];

/** A token of one kind. */
export const arbitraryToken = (kind: TokenKind): fc.Arbitrary<KnownToken> =>
  (values[kind] as fc.Arbitrary<object>).map(fields => ({ kind, ...fields }) as KnownToken);

/** Tokens as they can stand in a record: one that is not known ends what can be read. */
export const arbitraryTokens: fc.Arbitrary<readonly Token[]> = fc
  .tuple(
    fc.array(fc.oneof(...TOKEN_KINDS.map(arbitraryToken)), { maxLength: 8 }),
    fc.option(
      fc.record({
        kind: fc.constant('unknown' as const),
        id: fc.constantFrom(0, 0x12, 0x14, 0x30, 0xee, 0xff),
        bytes: bytes(0, 20),
      }),
      { nil: undefined, freq: 4 },
    ),
  )
  .map(([known, unknown]) => (unknown === undefined ? known : [...known, unknown]));

const start = { version: u8, event: u16, modifier: u16 };
const narrowTime = { seconds: u32, milliseconds: u32 };
const wideTime = { seconds: u64, milliseconds: u64 };

export const arbitraryHeader: fc.Arbitrary<Header> = fc.oneof(
  fc.record({ kind: fc.constant('header32' as const), ...start, ...narrowTime }),
  fc.record({ kind: fc.constant('header32_ex' as const), ...start, address: anyAddress, ...narrowTime }),
  fc.record({ kind: fc.constant('header64' as const), ...start, ...wideTime }),
  fc.record({ kind: fc.constant('header64_ex' as const), ...start, address: anyAddress, ...wideTime }),
);

/** Whatever reads happen to return: the bytes in pieces of any lengths. */
export const arbitraryPieces = (whole: Uint8Array): fc.Arbitrary<readonly Uint8Array[]> =>
  fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 20 }).map(cuts => {
    const ends = [...cuts, whole.length].sort((a, b) => a - b);
    return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
  });
