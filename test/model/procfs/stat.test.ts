import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStat } from '../../../src/model/procfs/stat.ts';

const line =
  '6221 (cat) R 6171 6172 2815 0 -1 4194304 123 0 0 0 0 0 0 0 20 0 1 0 225895 3133440 380 18446744073709551615 0\n';

describe('parseStat', () => {
  it('reads the parts that tell processes apart', () => {
    expect(parseStat(Buffer.from(line))).toEqual({
      pid: 6221,
      comm: 'cat',
      state: 'R',
      ppid: 6171,
      session: 2815,
      isExiting: false,
      startTicks: 225_895,
    });
  });

  it('tells one that is ending, or is not waited for', () => {
    for (const [flags, isExiting] of [
      ['4194304', false],
      ['4194308', true],
      ['4227340', true],
      ['0', false],
    ] as const) {
      expect(parseStat(Buffer.from(line.replace('4194304', flags)))).toMatchObject({ isExiting });
    }
  });

  it.each([[') R 1 2 3 4 5 6'], ['a b (c) d'], ['((('], [''], ['new\nline']])(
    'is not misled by the name %j',
    comm => {
      const stat = parseStat(Buffer.from(line.replace('cat', comm)));
      expect(stat).toMatchObject({ comm, ppid: 6171, startTicks: 225_895 });
    },
  );

  it('writes bytes of a name that are not UTF-8 as \\xHH', () => {
    const [before, after] = line.split('cat');
    const bytes = Buffer.concat([Buffer.from(before!), Buffer.from([0x61, 0xff]), Buffer.from(after!)]);
    expect(parseStat(bytes)?.comm).toBe('a\\xFF');
  });

  it('agrees with the kernel about this process', () => {
    const stat = parseStat(readFileSync('/proc/self/stat'));
    expect(stat).toMatchObject({ pid: process.pid, ppid: process.ppid });
    expect(stat!.startTicks).toBeGreaterThan(0);
  });

  it('never takes a cut line for a whole one', () => {
    const whole = parseStat(Buffer.from(line));
    for (let length = 0; length < line.length; length++) {
      const cut = parseStat(Buffer.from(line).subarray(0, length));
      if (cut !== undefined) expect(cut).toEqual(whole);
    }
    expect(parseStat(Buffer.from(line.slice(0, line.indexOf('225895') + 3)))).toBeUndefined();
  });

  it('reads back any name and numbers', () => {
    const number = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const comm = fc.uint8Array({ maxLength: 15 }).map(bytes => bytes.map(byte => (byte === 0 ? 1 : byte)));
    fc.assert(
      fc.property(comm, number, number, number, fc.maxSafeNat(), (name, pid, ppid, session, startTicks) => {
        const rest = Array.from({ length: 40 }, () => '0');
        rest[0] = 'S';
        rest[1] = String(ppid);
        rest[3] = String(session);
        rest[19] = String(startTicks);
        const bytes = Buffer.concat([
          Buffer.from(`${pid} (`),
          Buffer.from(name),
          Buffer.from(`) ${rest.join(' ')}\n`),
        ]);
        expect(parseStat(bytes)).toMatchObject({ pid, ppid, session, startTicks });
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        parseStat(bytes);
      }),
    );
  });
});
