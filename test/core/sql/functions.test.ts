import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_FUNCTIONS, compareVersions, type SqlValue } from '../../../src/core/sql/functions.ts';

const call = (name: string, ...values: SqlValue[]): SqlValue =>
  CORE_FUNCTIONS.find(found => found.name === name)!.call(...values);

describe("core's SQL functions", () => {
  test.each<[string, SqlValue[], SqlValue]>([
    ['split', ['192.168.0.1', '.', 1], '168'],
    ['split', ['192.168.0.1', '.0', 0], '192'],
    ['split', ['a//b', '/', 1], 'b'],
    ['split', ['a', '/', 3], null],
    ['split', [null, '/', 0], null],
    ['regex_split', ['192.168.0.1', '\\.0', 0], '192.168'],
    ['regex_split', ['a1b22c', '[0-9]+', 2], 'c'],
    ['regex_match', ['hello world', '(w.r)ld', 1], 'wor'],
    ['regex_match', ['hello', 'x', 0], null],
    ['regex_match', ['hello', 'h', 4], null],
    ['inet_aton', ['1.2.3.4'], 16909060],
    ['inet_aton', ['::1'], null],
    ['in_cidr_block', ['10.0.0.0/8', '10.1.2.3'], 1],
    ['in_cidr_block', ['10.0.0.0/8', '11.1.2.3'], 0],
    ['in_cidr_block', ['10.0.0.0/24', '10.0.0.255'], 0],
    ['in_cidr_block', ['10.0.0.0/31', '10.0.0.1'], 1],
    ['in_cidr_block', ['fe80::/10', 'fe80::1'], 1],
    ['in_cidr_block', ['fe80::/10', 'fc00::1'], 0],
    ['in_cidr_block', ['::ffff:0:0/96', '::ffff:1.2.3.4'], 1],
    ['md5', ['abc'], '900150983cd24fb0d6963f7d28e17f72'],
    ['sha1', ['abc'], 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', [null], null],
    ['to_base64', ['abc'], 'YWJj'],
    ['from_base64', ['YWJj'], 'abc'],
  ])('%s(%j) is %j', (name, values, expected) => {
    expect(call(name, ...values)).toBe(expected);
  });

  test.each<[string, SqlValue[], string]>([
    ['split', ['a', '', 0], 'Invalid input to split function'],
    ['regex_match', ['a', '(', 0], 'Invalid regex'],
    ['regex_match', ['a', 'x'.repeat(300), 0], 'too big'],
    ['in_cidr_block', ['10.0.0.0/33', '10.0.0.1'], 'CIDR for IP address v4 cannot be parsed'],
    ['in_cidr_block', ['10.0.0.0/8', 'x'], 'IP address cannot be parsed'],
    ['in_cidr_block', [1, 'x'], 'CIDR must be a string'],
  ])('%s(%j) fails with %j', (name, values, message) => {
    expect(() => call(name, ...values)).toThrow(message);
  });

  test('in_cidr_block never throws anything but its own errors', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.nat({ max: 128 }), fc.ipV6(), (base, prefix, address) => {
        expect([0, 1]).toContain(call('in_cidr_block', `${base}/${prefix}`, address));
      }),
    );
  });
});

describe('compareVersions', () => {
  test.each([
    ['1.10', '1.9', 1],
    ['1.2.3', '1.2.3', 0],
    ['1.2', '1.2.1', -1],
    ['5.23.0', '5.4', 1],
    ['1.0-rc1', '1.0-rc2', -1],
    ['', '1', -1],
  ])('%s against %s is %i', (left, right, expected) => {
    expect(compareVersions(left, right)).toBe(expected);
  });

  test('orders consistently', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        expect(compareVersions(left, right) + compareVersions(right, left)).toBe(0);
      }),
    );
  });
});
