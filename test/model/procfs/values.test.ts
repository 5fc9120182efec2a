import { readFileSync, readlinkSync, statSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseCmdline,
  parseId,
  parseNamespace,
  parseUptime,
  UNSET_ID,
} from '../../../src/model/procfs/values.ts';

describe('parseId', () => {
  it('reads what loginuid and sessionid hold', () => {
    expect(parseId(Buffer.from('1000'))).toBe(1000);
    expect(parseId(Buffer.from('4294967295'))).toBe(UNSET_ID);
    expect(parseId(readFileSync('/proc/self/loginuid'))).toBeTypeOf('number');
  });

  it.each(['', '-1', '4294967296', '12 3', 'x', '0x10'])('refuses %j', text => {
    expect(parseId(Buffer.from(text))).toBeUndefined();
  });
});

describe('parseNamespace', () => {
  it('reads the inode of a namespace', () => {
    expect(parseNamespace('mnt:[4026531841]')).toBe(4_026_531_841);
    expect(parseNamespace(readlinkSync('/proc/self/ns/pid'))).toBe(statSync('/proc/self/ns/pid').ino);
  });

  it.each(['', 'mnt', 'mnt:[]', 'mnt:[1', '/etc/passwd', 'mnt:[1] '])('refuses %j', target => {
    expect(parseNamespace(target)).toBeUndefined();
  });
});

describe('parseUptime', () => {
  it('reads seconds since boot', () => {
    expect(parseUptime(Buffer.from('2258.95 4000.00\n'))).toBe(2258.95);
    expect(parseUptime(readFileSync('/proc/uptime'))).toBeGreaterThan(0);
  });

  it.each(['', '2258', '2258.95', 'x.y z'])('refuses %j', text => {
    expect(parseUptime(Buffer.from(text))).toBeUndefined();
  });
});

describe('parseCmdline', () => {
  it('has no arguments for a kernel thread, and keeps empty ones', () => {
    expect(parseCmdline(Buffer.from(''))).toBeUndefined();
    expect(parseCmdline(Buffer.from('\0'))).toEqual(['']);
    expect(parseCmdline(Buffer.from('sh\0-c\0\0'))).toEqual(['sh', '-c', '']);
    expect(parseCmdline(Buffer.from('changed its title'))).toEqual(['changed its title']);
  });

  it('reads back any arguments', () => {
    const argument = fc.string({ unit: 'grapheme' }).filter(text => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1 }), argv => {
        expect(parseCmdline(Buffer.from(argv.map(text => `${text}\0`).join('')))).toEqual(argv);
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        for (const text of parseCmdline(bytes) ?? []) expect(text).not.toContain('\0');
      }),
    );
  });
});
