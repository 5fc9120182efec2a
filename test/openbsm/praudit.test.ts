import { describe, expect, it } from 'vitest';
import { printRecord, printToken } from '../../src/openbsm/praudit.ts';
import { type BsmRecord, decodeRecord, encodeRecord } from '../../src/openbsm/record.ts';
import type { Token } from '../../src/openbsm/token-table.ts';
import {
  attr32,
  header32,
  identity,
  path,
  SAMPLE_TOKENS,
  subject32,
  succeeded,
  text,
} from './sample-tokens.ts';

describe('printRecord', () => {
  it('prints one line a token, header and trailer included', () => {
    const bytes = encodeRecord(header32(32800), [subject32({ auid: 0xffffffff }), text('a, b'), succeeded()]);
    expect(printRecord(decodeRecord(bytes) as BsmRecord)).toBe(
      '20,76,11,32800,0,1716298620,123\n' +
        '36,-1,501,20,501,20,4242,100007,268435459,0.0.0.0\n' +
        '40,a, b\n' +
        '39,0,0\n' +
        '19,76\n',
    );
  });

  it('takes another delimiter', () => {
    expect(printToken(SAMPLE_TOKENS.seq, '|')).toBe('47|4294967295\n');
  });
});

describe('printToken', () => {
  // As printed by praudit of OpenBSM 1.2-alpha6; identity as by that of macOS.
  it.each([
    [attr32({ gid: 0xffffffff, node: 0xffffffffffffffffn }), '62,100755,0,-1,16777221,-1,0'],
    [SAMPLE_TOKENS.arg32, '45,255,0xdeadbeef,sflags'],
    [SAMPLE_TOKENS.return64, '114,146,-1'],
    [SAMPLE_TOKENS.exit, '82,Error 3,0'],
    [SAMPLE_TOKENS.iport, '44,0x1bb'],
    [{ kind: 'iport', port: 0 }, '44,0'],
    [SAMPLE_TOKENS.opaque, '41,4,0x0001feff'],
    [{ kind: 'opaque', bytes: new Uint8Array() }, '41,0,'],
    [SAMPLE_TOKENS.upriv, '57,successful use of priv,sys_audit'],
    [SAMPLE_TOKENS.exec_args, '60,ls,-l,,/tmp/ü'],
    [{ kind: 'exec_args', args: [] }, '60'],
    [SAMPLE_TOKENS.socket_ex, '127,0x1a,0x2,0,::,0x35,2001:db8::53'],
    [SAMPLE_TOKENS.ip, '43,0x45,0x00,1500,4660,16384,0x40,0x06,65535,192.0.2.1,198.51.100.2'],
    [SAMPLE_TOKENS.data, '33,hex,int,2, 4030201 ffffffff'],
    [
      { kind: 'data', form: 2, unit: 2, bytes: Uint8Array.of(0xff, 0xff, 0xff, 0xff) },
      '33,decimal,int,1, -1',
    ],
    [{ kind: 'data', form: 2, unit: 0, bytes: Uint8Array.of(0xff) }, '33,decimal,byte,1, 255'],
    [{ kind: 'data', form: 1, unit: 1, bytes: Uint8Array.of(8, 0) }, '33,octal,short,1, 10'],
    [{ kind: 'data', form: 0, unit: 0, bytes: Uint8Array.of(0x61, 0x62) }, '33,binary,byte,2, a b'],
    [{ kind: 'data', form: 4, unit: 0, bytes: Uint8Array.of(0x61, 0x62) }, '33,string,byte,2,ab'],
    [{ kind: 'data', form: 9, unit: 0, bytes: Uint8Array.of(1) }, '33,'],
    [identity, '237,1,com.apple.zsh,complete,,complete,0x00112233445566778899aabbccddeeff10213243'],
    [{ kind: 'unknown', id: 0xee, bytes: Uint8Array.of(1, 2) }, '238,0x0102'],
  ] as const satisfies readonly (readonly [Token, string])[])('prints $0.kind as $1', (token, line) => {
    expect(printToken(token)).toBe(`${line}\n`);
  });

  it('lets no name write lines of its own or talk to the terminal', () => {
    expect(printToken(path('/tmp/a\n36,0,0\r\x1b[2J\x7f\u009b'))).toBe(
      '35,/tmp/a\\x0A36,0,0\\x0D\\x1B[2J\\x7F\\x9B\n',
    );
    expect(printToken({ kind: 'data', form: 4, unit: 0, bytes: Uint8Array.of(0, 0xff) })).toBe(
      '33,string,byte,2,\\x00\\xFF\n',
    );
  });
});
