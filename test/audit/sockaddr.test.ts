import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIPv4, formatIPv6, parseSockaddr } from '../../src/audit/sockaddr.ts';
import { sockaddrIn, sockaddrIn6 } from './kernel-records.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const groups = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(16);
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, 2 * i);
  });
  return bytes;
};

/** Any textual form of RFC 4291, without a zone, to 16 bytes. */
const parseIPv6 = (text: string): Buffer => {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number];
    return parseIPv6(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16));
  if (tail === undefined) return groups(...words(head));
  const [first, last] = [words(head), words(tail)];
  return groups(...first, ...new Array(8 - first.length - last.length).fill(0), ...last);
};

describe('parseSockaddr', () => {
  // As recorded from Linux 6.18 on x86_64.
  it.each([
    ['0200BA717F0000010000000000000000', { kind: 'inet', family: 2, address: '127.0.0.1', port: 47729 }],
    [
      '0A000035000000002001048600000000000000000000888800000000',
      { kind: 'inet', family: 10, address: '2001:486::8888', port: 53 },
    ],
    ['01002F6465762F6C6F6700000000', { kind: 'unix', family: 1, path: '/dev/log' }],
    // connect() of a program that did not clear what lies behind the path.
    [
      '01002F7661722F72756E2F6E7363642F736F636B6574006D74B984',
      { kind: 'unix', family: 1, path: '/var/run/nscd/socket' },
    ],
    ['01002F746D702F6120C3A4', { kind: 'unix', family: 1, path: '/tmp/a ä' }],
    ['01002FFF', { kind: 'unix', family: 1, path: '/\\xFF' }],
    ['010000616E206162737472616374006E616D65', { kind: 'unix', family: 1, path: '@an abstract\\x00name' }],
    ['0100', { kind: 'unix', family: 1, path: '' }],
    [`0100${'00'.repeat(108)}`, { kind: 'unix', family: 1, path: '' }],
    ['100000000000000000000000', { kind: 'other', family: 16 }],
    ['00000000000000000000000000000000', { kind: 'other', family: 0 }],
    ['1100', { kind: 'other', family: 17 }],
  ])('%s', (bytes, expected) => expect(parseSockaddr(hex(bytes))).toEqual(expected));

  it('reads the family in the byte order of its host, the rest in network order', () => {
    expect(parseSockaddr(hex('000200357F000001'), false)).toEqual({
      kind: 'inet',
      family: 2,
      address: '127.0.0.1',
      port: 53,
    });
  });

  it('needs the port and address of a family, not its padding', () => {
    const inet = sockaddrIn('192.0.2.1', 443);
    const inet6 = sockaddrIn6(groups(0x2001, 0xdb8), 443);
    for (let length = 0; length <= inet.length; length++) {
      const read = parseSockaddr(inet.subarray(0, length));
      if (length < 8) expect(read, `${length} bytes`).toBeUndefined();
      else expect(read).toEqual({ kind: 'inet', family: 2, address: '192.0.2.1', port: 443 });
    }
    for (let length = 0; length <= inet6.length; length++) {
      const read = parseSockaddr(inet6.subarray(0, length));
      if (length < 24) expect(read, `${length} bytes`).toBeUndefined();
      else expect(read).toEqual({ kind: 'inet', family: 10, address: '2001:db8::', port: 443 });
    }
  });

  it('gives back any port and address', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65535), (address, port) => {
        expect(parseSockaddr(sockaddrIn(address, port))).toEqual({ kind: 'inet', family: 2, address, port });
      }),
    );
  });

  it('reads any bytes without throwing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 10, 16),
        fc.uint8Array({ maxLength: 30 }),
        fc.boolean(),
        (family, bytes, little) => {
          const read = parseSockaddr(
            Buffer.from([little ? family : 0, little ? 0 : family, ...bytes]),
            little,
          );
          expect(read === undefined || read.family === family).toBe(true);
        },
      ),
    );
  });
});

describe('formatIPv6', () => {
  // Each rule with the RFC's own addresses.
  it.each([
    ['4.1', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['4.2.1', '2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['4.2.2', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['4.2.3', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['4.2.3', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['4.3', '2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:1', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
    ['5', '::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
    ['2.2', '2001:db8:aaaa:bbbb:cccc:dddd:0:1', '2001:db8:aaaa:bbbb:cccc:dddd:0:1'],
  ])('RFC 5952 section %s: %s is %s', (_, address, expected) =>
    expect(formatIPv6(parseIPv6(address))).toBe(expected),
  );

  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:1:0:0:0:0:0', '0:0:1::'],
    ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['0:0:0:0:0:ffff:0:0', '::ffff:0.0.0.0'],
    ['0:0:0:0:0:0:102:304', '::102:304'],
    ['64:ff9b:0:0:0:0:c000:221', '64:ff9b::c000:221'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ])('%s is %s', (address, expected) => expect(formatIPv6(parseIPv6(address))).toBe(expected));

  it('writes the one form of any address, which reads back as it', () => {
    const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), words => {
        const bytes = groups(...words);
        const text = formatIPv6(bytes);
        expect(parseIPv6(text)).toEqual(bytes);
        expect(text).toMatch(/^[0-9a-f:.]+$/);
        expect(text).not.toMatch(/(^|:)0[0-9a-f]/);
        if (text.includes('.')) return;
        const runs =
          words
            .map(word => (word === 0 ? '0' : '-'))
            .join('')
            .match(/0+/g) ?? [];
        const longest = runs.reduce((length, run) => Math.max(length, run.length), 0);
        expect(text.includes('::')).toBe(longest >= 2);
        if (longest >= 2) expect(text.split(':').filter(word => word !== '')).toHaveLength(8 - longest);
      }),
    );
  });
});

describe('formatIPv4', () => {
  it('is dotted', () => expect(formatIPv4(Uint8Array.of(192, 0, 2, 255))).toBe('192.0.2.255'));
});
