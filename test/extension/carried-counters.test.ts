import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CarriedCounters } from '../../src/extension/carried-counters.ts';

const BOOT = 'b00t';
const progress = { serial: 500, inFlight: 2, gaps: 3 };
const row = { mode: 'unicast', records: 40, events: 10, rules: 7, serial_gaps: 1, rows_buffered: 9 };

/** What one instance leaves, through JSON as on disk. */
const left = (accounts: CarriedCounters, ended = false, lostAtStart = 100): unknown =>
  JSON.parse(JSON.stringify(accounts.save(row, progress, lostAtStart, ended)));

describe('CarriedCounters', () => {
  it('begin at nothing', () => {
    const accounts = new CarriedCounters(undefined, BOOT);
    expect(accounts.lastSerial).toBeUndefined();
    expect(accounts.carried).toEqual({ serial_gaps: 0, kernel_lost: 0 });
    expect(accounts.lostSince(17)).toBe(17);
  });

  it('go on after a kill: with the last serial, and what was in flight is lost', () => {
    const first = new CarriedCounters(undefined, BOOT);
    first.see({ ...row, kernel_lost: 5 });
    const second = new CarriedCounters(left(first), BOOT);
    expect(second.lastSerial).toBe(500);
    expect(second.carried).toEqual({ records: 40, events: 10, serial_gaps: 3 + 2, kernel_lost: 0 });
    // The kernel's own count is still compared with the first start: what it lost meanwhile is in it.
    expect(second.lostSince(108)).toBe(100);
    const third = new CarriedCounters(left(second, false, 108), BOOT);
    expect(third.carried.serial_gaps).toBe(5 + 3 + 2);
    expect(third.lostSince(130)).toBe(100);
  });

  it('go on after an end in order: what came since was not to be recorded', () => {
    const first = new CarriedCounters(undefined, BOOT);
    first.see({ ...row, kernel_lost: 5 });
    const second = new CarriedCounters(left(first, true), BOOT);
    expect(second.lastSerial).toBeUndefined();
    expect(second.carried).toMatchObject({ serial_gaps: 3, kernel_lost: 5 });
    expect(second.lostSince(108)).toBe(108);
  });

  it('take nothing of another boot but the counts', () => {
    const first = new CarriedCounters(undefined, BOOT);
    first.see({ ...row, kernel_lost: 5 });
    const second = new CarriedCounters(left(first), 'another');
    expect(second.lastSerial).toBeUndefined();
    expect(second.carried).toMatchObject({ serial_gaps: 3, kernel_lost: 5 });
    expect(second.lostSince(0)).toBe(0);
  });

  it('keep the serial of before until there is one of their own', () => {
    const second = new CarriedCounters(left(new CarriedCounters(undefined, BOOT)), BOOT);
    const third = new CarriedCounters(
      JSON.parse(JSON.stringify(second.save(row, undefined, 0, false))),
      BOOT,
    );
    expect(third.lastSerial).toBe(500);
  });

  it('take anything that makes no sense for nothing', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        expect(new CarriedCounters(value, BOOT).carried).toEqual({ serial_gaps: 0, kernel_lost: 0 });
      }),
    );
    const sound = left(new CarriedCounters(undefined, BOOT)) as object;
    for (const wrong of [
      { inFlight: -1 },
      { counters: { records: 'x' } },
      { counters: null },
      { ended: 1 },
    ]) {
      expect(new CarriedCounters({ ...sound, ...wrong }, BOOT).lastSerial).toBeUndefined();
    }
  });
});
