import { isIPv4, isIPv6 } from 'node:net';
import { parseSockaddr } from '../../../src/audit/sockaddr.ts';
import { sockaddrIn, sockaddrIn6 } from '../../audit/kernel-records.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';
import { textOf } from '../text-of.ts';

/** The 16 bytes that an IPv6 address stands for. */
const addressBytes = (text: string): Buffer => {
  const hex = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number);
    return `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
  });
  const [head, tail] = hex.split('::').map(half => half.split(':').filter(group => group !== ''));
  const groups =
    tail === undefined
      ? head!
      : [...head!, ...new Array<string>(8 - head!.length - tail.length).fill('0'), ...tail];
  return Buffer.from(groups.map(group => group.padStart(4, '0')).join(''), 'hex');
};

/** A struct sockaddr says what its bytes say, and can be told back from what is said of it. */
export const sockaddr: FuzzTarget = {
  name: 'sockaddr',
  maxBytes: 160,
  seeds: () => [
    sockaddrIn('127.0.0.1', 53),
    sockaddrIn6(Buffer.from('20010db8000000010000000000000001', 'hex'), 443),
    sockaddrIn6(Buffer.from('00000000000000000000ffff7f000001', 'hex'), 1),
    sockaddrIn6(Buffer.from('00010000000000000001000000000000', 'hex'), 1),
    Buffer.from('\x01\0/run/a socket\0rest'),
    Buffer.from('\x01\0\0abstract\0name'),
    Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(108)]),
    Buffer.from('\x10\0\0\0\0\0\0\0\0\0\0\0', 'latin1'),
  ],
  words: ['\x01\0', '\x02\0', '\x0a\0', '\0\x0a', '\0\0', '\0\0\0\0\0\0\0\0', '\xff\xff', ' (deleted)', '@'],
  run(input) {
    for (const littleEndian of [true, false]) {
      const name = parseSockaddr(input, littleEndian);
      if (input.length < 2) {
        checkEqual(name, undefined, 'name of too few bytes');
        continue;
      }
      const family = littleEndian ? input.readUInt16LE() : input.readUInt16BE();
      const least = family === 2 ? 8 : family === 10 ? 24 : 2;
      checkEqual(name === undefined, input.length < least, 'whether the bytes are too few');
      if (name === undefined) continue;
      checkEqual(name.family, family, 'family');
      switch (name.kind) {
        case 'inet':
          checkEqual(name.port, input.readUInt16BE(2), 'port');
          if (family === 2) {
            check(isIPv4(name.address), `IPv4 address ${name.address}`);
            checkEqual(name.address, [...input.subarray(4, 8)].join('.'), 'IPv4 address');
          } else {
            check(
              isIPv6(name.address) && !/[A-F]|:0[0-9a-f]|^0[0-9a-f]/.test(name.address),
              `IPv6 ${name.address}`,
            );
            check(addressBytes(name.address).equals(input.subarray(8, 24)), `bytes of ${name.address}`);
          }
          break;
        case 'unix': {
          const path = input.subarray(2);
          const nul = path.indexOf(0);
          const expected =
            nul !== 0
              ? textOf(path.subarray(0, nul < 0 ? path.length : nul))
              : path.every(byte => byte === 0)
                ? ''
                : `@${textOf(path.subarray(1))}`;
          checkEqual(name.path, expected, 'path');
          break;
        }
        default:
          check(family !== 1 && family !== 2 && family !== 10, `a known family ${family} is read`);
      }
    }
  },
};
