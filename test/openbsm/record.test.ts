import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenFormatError } from '../../src/openbsm/byte-cursor.ts';
import { HEADERS } from '../../src/openbsm/header.ts';
import { DEFAULT_BSM_LIMITS } from '../../src/openbsm/limits.ts';
import {
  type BsmRecord,
  decodeRecord,
  decodeToken,
  encodeRecord,
  encodeToken,
} from '../../src/openbsm/record.ts';
import { TOKENS, type Token } from '../../src/openbsm/token-table.ts';
import { arbitraryHeader, arbitraryToken, arbitraryTokens, TOKEN_KINDS } from './arbitrary.ts';
import { header32, record, SAMPLE_TOKENS, subject32, succeeded, text } from './sample-tokens.ts';

const decode = (bytes: Uint8Array, limits = DEFAULT_BSM_LIMITS): BsmRecord => {
  const decoded = decodeRecord(bytes, 1000, limits);
  if (decoded.kind !== 'record') throw new Error(decoded.damage.reason);
  return decoded;
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('the token table', () => {
  it('has an id and a kind of its own for every token', () => {
    expect(new Set([...TOKENS, ...HEADERS].map(({ id }) => id)).size).toBe(TOKENS.length + HEADERS.length);
    expect(new Set(TOKENS.map(({ kind }) => kind)).size).toBe(TOKENS.length);
    expect(TOKENS.map(({ kind }) => kind).sort()).toEqual([...TOKEN_KINDS].sort());
  });

  // Bytes written out by hand from the layouts in OpenBSM's audit_record.h and libbsm.
  it.each([
    [
      subject32({ auid: 1, euid: 2, egid: 3, ruid: 4, rgid: 5, pid: 6, sid: 7, port: 8, address: '1.2.3.4' }),
      '24 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 01020304',
    ],
    [
      { ...SAMPLE_TOKENS.subject64_ex, auid: 1, port: 0x100000002n, address: '::1' },
      `7c 00000001 00000000 00000000 000001f5 00000014 00001092 000186a7 0000000100000002 00000010 ${'00'.repeat(15)}01`,
    ],
    [{ kind: 'path', path: '/bin/ls' }, '23 0008 2f62696e2f6c7300'],
    [{ kind: 'exec_args', args: ['ls', ''] }, '3c 00000002 6c7300 00'],
    [{ kind: 'arg64', number: 0, value: 5n, text: 'a' }, '71 00 0000000000000005 0002 6100'],
    [{ kind: 'return32', error: 2, value: 0xffffffff }, '27 02 ffffffff'],
    [SAMPLE_TOKENS.exit, '52 00000003 00000000'],
    [
      { ...SAMPLE_TOKENS.attr64, mode: 0o100755, node: 1n, device: 2n },
      '73 000081ed 00000000 00000000 01000005 0000000000000001 0000000000000002',
    ],
    [{ kind: 'sockinet32', family: 2, port: 443, address: '1.2.3.4' }, '80 0002 01bb 01020304'],
    [
      { kind: 'sockinet128', family: 26, port: 443, address: '2001:db8::1' },
      '81 001a 01bb 20010db8000000000000000000000001',
    ],
    [{ kind: 'sockunix', family: 1, path: '/s' }, '82 0001 2f7300'],
    [
      SAMPLE_TOKENS.socket_ex,
      `7f 001a 0002 0010 0000 ${'00'.repeat(16)} 0035 20010db8000000000000000000000053`,
    ],
    [SAMPLE_TOKENS.data, '21 03 02 02 01020304 ffffffff'],
    [SAMPLE_TOKENS.newgroups, '3b 0003 00000014 00000000 fffffffe'],
    [SAMPLE_TOKENS.upriv, '39 01 000a 7379735f617564697400'],
    [
      {
        kind: 'identity',
        signerType: 1,
        signingId: 'x',
        signingIdTruncated: false,
        teamId: '',
        teamIdTruncated: true,
        cdhash: Uint8Array.of(0xab),
      },
      'ed 00000001 0002 7800 00 0001 00 01 0001 ab',
    ],
  ] as const satisfies readonly (readonly [Token, string])[])('lays out $0.kind', (token, bytes) => {
    expect(hex(encodeToken(token))).toBe(bytes.replaceAll(' ', ''));
  });

  it.each(TOKEN_KINDS)('decodes what it encodes: %s', kind => {
    fc.assert(
      fc.property(arbitraryToken(kind), token => {
        expect(decodeToken(encodeToken(token), kind)).toEqual(token);
      }),
      { numRuns: 50 },
    );
  });

  it.each(TOKEN_KINDS)('refuses %s cut short at any byte', kind => {
    const whole = encodeToken(SAMPLE_TOKENS[kind]);
    for (let length = 0; length < whole.length; length++) {
      // Its path has no length: without its NUL it ends where the bytes do.
      if (kind === 'sockunix' && length >= 3) continue;
      expect(() => decodeToken(whole.subarray(0, length), kind)).toThrow(TokenFormatError);
    }
  });
});

describe('a record', () => {
  it('puts its length at both ends', () => {
    expect(hex(encodeRecord(header32(23, 1, 2), []))).toBe(
      '14 00000019 0b 0017 0000 00000001 00000002 13 b105 00000019'.replaceAll(' ', ''),
    );
  });

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(arbitraryHeader, arbitraryTokens, (header, tokens) => {
        const bytes = encodeRecord(header, tokens);
        expect(decode(bytes)).toEqual({
          kind: 'record',
          offset: 1000,
          length: bytes.length,
          header,
          tokens,
          damage: undefined,
        });
      }),
    );
  });

  it('keeps all of 300 arguments', () => {
    const args = Array.from({ length: 300 }, (_, i) => String(i));
    expect(decode(record(23, [{ kind: 'exec_args', args }])).tokens).toEqual([{ kind: 'exec_args', args }]);
  });

  it('keeps what stands before damage and says where that is', () => {
    const bytes = record(6152, [subject32(), text('abc'), succeeded()]);
    bytes.set([0xff, 0xff], 18 + 37 + 1);
    expect(decode(bytes)).toMatchObject({
      tokens: [subject32()],
      damage: { offset: 1000 + 18 + 37, reason: 'text token: 65535 bytes expected, 10 left in the record' },
    });
  });

  it('believes no count that the record is too short for', () => {
    const bytes = record(23, [{ kind: 'exec_args', args: ['x'] }]);
    bytes.set([0xff, 0xff, 0xff, 0xff], 19);
    expect(decode(bytes).damage?.reason).toBe(
      'exec_args token: 4294967295 strings announced, 2 bytes left in the record',
    );
  });

  it('needs a NUL behind every string', () => {
    const bytes = record(23, [{ kind: 'exec_args', args: ['x', 'yz'] }]);
    bytes[22] = 3;
    expect(decode(bytes).damage?.reason).toContain('3 strings announced, string 3 has no NUL');
  });

  it('reads an unterminated socket path up to its 108 bytes', () => {
    const path = 'p'.repeat(108);
    expect(decode(record(32, [{ kind: 'sockunix', family: 1, path }, succeeded()])).tokens).toEqual([
      { kind: 'sockunix', family: 1, path },
      succeeded(),
    ]);
  });

  it('drops every NUL that ends a text, shows one inside, and keeps bytes that are not UTF-8 apart', () => {
    const raw = (bytes: string): Token => ({
      kind: 'unknown',
      id: 0x28,
      bytes: Uint8Array.of(0, bytes.length, ...Buffer.from(bytes, 'latin1')),
    });
    expect(decode(record(32800, [raw('ok\0\0')])).tokens).toEqual([text('ok')]);
    expect(decode(record(32800, [raw('no NUL')])).tokens).toEqual([text('no NUL')]);
    expect(decode(record(32800, [raw('a\0b\0')])).tokens).toEqual([text('a\\x00b')]);
    expect(decode(record(32800, [raw('\xe9t\xe9\0')])).tokens).toEqual([text('\\xE9t\\xE9')]);
  });

  it('is not decodable with an address type that is no length of an address', () => {
    const bytes = encodeRecord({ ...header32(1), kind: 'header32_ex', address: '1.2.3.4' }, []);
    bytes[13] = 5;
    expect(decodeRecord(bytes, 7)).toEqual({
      kind: 'undecodable',
      offset: 7,
      length: bytes.length,
      damage: { offset: 7, reason: 'header token: address type 5, expected 4 (IPv4) or 16 (IPv6)' },
    });
  });

  it('holds to its limits', () => {
    const limits = { ...DEFAULT_BSM_LIMITS, maxTokens: 2, maxStrings: 1 };
    const seq = SAMPLE_TOKENS.seq;
    expect(decode(record(1, [seq, seq]), limits).damage).toBeUndefined();
    expect(decode(record(1, [seq, seq, seq]), limits)).toMatchObject({
      tokens: [seq, seq],
      damage: { offset: 1000 + 18 + 10, reason: 'more than 2 tokens in a record (maxTokens)' },
    });
    expect(decode(record(1, [{ kind: 'exec_env', env: ['a', 'b'] }]), limits).damage?.reason).toContain(
      '(maxStrings)',
    );
  });

  it('never throws, whatever stands between header and trailer', () => {
    fc.assert(
      fc.property(arbitraryHeader, fc.uint8Array({ maxLength: 200 }), (header, body) => {
        const bytes = encodeRecord(header, [{ kind: 'unknown', id: 0, bytes: body }]);
        // The unknown token's id is not part of it.
        const damaged = Uint8Array.from(bytes);
        damaged[bytes.length - 7 - body.length - 1] = body[0] ?? 0x24;
        expect(decodeRecord(damaged).kind).toBe('record');
      }),
    );
  });
});

describe('the encoder', () => {
  it.each([
    [
      'a number beyond its field',
      { kind: 'ipc', type: 256, id: 0 },
      '256: expected an unsigned 8-bit integer',
    ],
    ['a NUL in a text', text('a\0b'), 'text with a NUL'],
    ['a text too long for its length', text('x'.repeat(65535)), 'text of 65535 bytes'],
    [
      'an address of the other family',
      { kind: 'in_addr', address: '::1' },
      '::1: expected an address of 4 bytes',
    ],
    ['no address', { kind: 'in_addr', address: 'host' }, 'host: expected an IPv4 or IPv6 address'],
    [
      'half a unit of data',
      { kind: 'data', form: 3, unit: 1, bytes: Uint8Array.of(1) },
      'expected 0 to 255 whole units',
    ],
    [
      'a socket path too long',
      { kind: 'sockunix', family: 1, path: 'x'.repeat(109) },
      'socket path of 109 bytes',
    ],
    [
      'two families in one token',
      { ...SAMPLE_TOKENS.socket_ex, remoteAddress: '1.2.3.4' },
      'expected addresses of one family',
    ],
    ['no UUID', { ...SAMPLE_TOKENS.arg_uuid, uuid: 'x' }, 'expected a UUID'],
    [
      'a wide number that is negative',
      { ...SAMPLE_TOKENS.return64, value: -1n },
      '-1: expected an unsigned 64-bit integer',
    ],
  ] as const satisfies readonly (readonly [string, Token, string])[])('refuses %s', (_, token, message) => {
    expect(() => encodeToken(token)).toThrow(new RangeError(message).message);
  });
});
