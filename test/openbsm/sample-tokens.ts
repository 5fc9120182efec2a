import type { Header } from '../../src/openbsm/header.ts';
import { encodeRecord } from '../../src/openbsm/record.ts';
import type { KnownToken, Token, TokenKind } from '../../src/openbsm/token-table.ts';

/** 2024-05-21 13:37:00 UTC */
export const START_SECONDS = 1716298620;

export const header32 = (
  event: number,
  seconds = START_SECONDS,
  milliseconds = 123,
): Extract<Header, { kind: 'header32' }> => ({
  kind: 'header32',
  version: 11,
  event,
  modifier: 0,
  seconds,
  milliseconds,
});

export type TokenOfKind<K extends TokenKind> = Extract<KnownToken, { kind: K }>;

export const subject32 = (changes: Partial<TokenOfKind<'subject32'>> = {}): TokenOfKind<'subject32'> => ({
  kind: 'subject32',
  auid: 501,
  euid: 501,
  egid: 20,
  ruid: 501,
  rgid: 20,
  pid: 4242,
  sid: 100007,
  port: 268435459,
  address: '0.0.0.0',
  ...changes,
});

export const succeeded = (value = 0): Token => ({ kind: 'return32', error: 0, value });
/** @param error in BSM's numbering */
export const failed = (error: number): Token => ({ kind: 'return32', error, value: 0xffffffff });

export const path = (text: string): Token => ({ kind: 'path', path: text });
export const text = (value: string): Token => ({ kind: 'text', text: value });
export const argument = (number: number, name: string, value: number): Token => ({
  kind: 'arg32',
  number,
  value,
  text: name,
});
export const attr32 = (changes: Partial<TokenOfKind<'attr32'>> = {}): TokenOfKind<'attr32'> => ({
  kind: 'attr32',
  mode: 0o100755,
  uid: 0,
  gid: 0,
  fsid: 0x1000005,
  node: 1152921500312764420n,
  device: 0,
  ...changes,
});

/** What macOS appends to every record. */
export const identity: Token = {
  kind: 'identity',
  signerType: 1,
  signingId: 'com.apple.zsh',
  signingIdTruncated: false,
  teamId: '',
  teamIdTruncated: false,
  cdhash: Uint8Array.from({ length: 20 }, (_, i) => 17 * i),
};

export const record = (event: number, tokens: readonly Token[], seconds?: number): Uint8Array =>
  encodeRecord(header32(event, seconds), tokens);

const ids = { auid: 501, euid: 0, egid: 0, ruid: 501, rgid: 20, pid: 4242, sid: 100007 };
const unset = { auid: 0xffffffff, euid: 0xfffffffe, egid: 4294967293, ruid: 0, rgid: 0, pid: 99999, sid: 0 };

/** One token of every kind, with values at the edges of their fields here and there. */
export const SAMPLE_TOKENS: { readonly [K in TokenKind]: TokenOfKind<K> } = {
  file: {
    kind: 'file',
    seconds: START_SECONDS,
    milliseconds: 7,
    name: '/var/audit/20240521133700.not_terminated',
  },
  data: { kind: 'data', form: 3, unit: 2, bytes: Uint8Array.of(1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff) },
  ipc: { kind: 'ipc', type: 2, id: 65537 },
  path: { kind: 'path', path: '/Users/käthe/tool, with a comma' },
  subject32: subject32(),
  process32: { kind: 'process32', ...unset, port: 0, address: '192.0.2.7' },
  return32: { kind: 'return32', error: 13, value: 0xffffffff },
  text: { kind: 'text', text: 'successful login käthe' },
  opaque: { kind: 'opaque', bytes: Uint8Array.of(0, 1, 0xfe, 0xff) },
  in_addr: { kind: 'in_addr', address: '198.51.100.255' },
  ip: {
    kind: 'ip',
    version: 0x45,
    typeOfService: 0,
    length: 1500,
    id: 4660,
    offset: 16384,
    timeToLive: 64,
    protocol: 6,
    checksum: 65535,
    source: '192.0.2.1',
    destination: '198.51.100.2',
  },
  iport: { kind: 'iport', port: 443 },
  arg32: { kind: 'arg32', number: 255, value: 0xdeadbeef, text: 'sflags' },
  socket: {
    kind: 'socket',
    type: 1,
    localPort: 49152,
    localAddress: '192.0.2.1',
    remotePort: 443,
    remoteAddress: '198.51.100.2',
  },
  seq: { kind: 'seq', sequence: 0xffffffff },
  ipc_perm: {
    kind: 'ipc_perm',
    uid: 501,
    gid: 20,
    creatorUid: 0,
    creatorGid: 0xffffffff,
    mode: 0o100666,
    sequence: 3,
    key: 0xcafe,
  },
  priv: { kind: 'priv', type: 'effective', privilege: 'file_dac_read' },
  upriv: { kind: 'upriv', successful: true, privilege: 'sys_audit' },
  newgroups: { kind: 'newgroups', groups: [20, 0, 4294967294] },
  exec_args: { kind: 'exec_args', args: ['ls', '-l', '', '/tmp/ü'] },
  exec_env: { kind: 'exec_env', env: ['PATH=/usr/bin', 'EMPTY='] },
  attr32: attr32({ device: 4294967295 }),
  exit: { kind: 'exit', status: 3, value: 0 },
  zonename: { kind: 'zonename', zone: 'global' },
  arg64: { kind: 'arg64', number: 1, value: 0xffffffffffffffffn, text: 'addr' },
  return64: { kind: 'return64', error: 146, value: 0xffffffffffffffffn },
  attr64: { ...attr32(), kind: 'attr64', node: 0xffffffffffffffffn, device: 0xffffffffffffffffn },
  subject64: { kind: 'subject64', ...ids, port: 0x100000000n, address: '192.0.2.7' },
  process64: { kind: 'process64', ...unset, port: 0xffffffffffffffffn, address: '0.0.0.0' },
  subject32_ex: { kind: 'subject32_ex', ...ids, port: 22, address: '2001:db8::7' },
  process32_ex: { kind: 'process32_ex', ...ids, port: 22, address: '192.0.2.7' },
  subject64_ex: { kind: 'subject64_ex', ...ids, port: 22n, address: '::ffff:192.0.2.7' },
  process64_ex: { kind: 'process64_ex', ...ids, port: 22n, address: 'fe80::1:0:0:1' },
  in_addr_ex: { kind: 'in_addr_ex', address: '::1' },
  socket_ex: {
    kind: 'socket_ex',
    domain: 26,
    type: 2,
    localPort: 0,
    localAddress: '::',
    remotePort: 53,
    remoteAddress: '2001:db8::53',
  },
  sockinet32: { kind: 'sockinet32', family: 2, port: 443, address: '198.51.100.2' },
  sockinet128: { kind: 'sockinet128', family: 30, port: 65535, address: '2001:db8:0:1::' },
  sockunix: { kind: 'sockunix', family: 1, path: '/var/run/syslog' },
  arg_uuid: { kind: 'arg_uuid', number: 1, uuid: '01234567-89ab-cdef-0123-456789abcdef', text: 'object' },
  return_uuid: {
    kind: 'return_uuid',
    number: 2,
    uuid: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    text: 'result',
  },
  identity: { ...identity, signingIdTruncated: true, teamId: 'ABCDE12345' } as TokenOfKind<'identity'>,
};
