import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exclusions, isExclusion } from '../../../src/audit/control/exclusions.ts';
import { parseListedRule } from '../../../src/audit/control/listed-rule.ts';
import { encodeRule, ownRule, RULE_KEY } from '../../../src/audit/control/rules.ts';

const MSGTYPE = 12;
const PID = 0;
const EQUAL = 0x40000000;
const NOT_EQUAL = 0x30000000;
const EOE = 1320;

const always = encodeRule({ action: 'always', prepend: false, syscalls: [59], fields: [], key: RULE_KEY });

/** A rule of the exclude list, as auditctl adds them: `-a always,exclude -F msgtype=…`. */
const excluding = (type: number): Buffer => {
  const bytes = Buffer.alloc(1040);
  bytes.writeUInt32LE(5, 0);
  bytes.writeUInt32LE(2, 4);
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(MSGTYPE, (3 + 64) * 4);
  bytes.writeUInt32LE(type, (3 + 64 + 64) * 4);
  bytes.writeUInt32LE(EQUAL, (3 + 64 + 128) * 4);
  return bytes;
};

describe('exclusions', () => {
  it('leave out PROCTITLE and BPRM_FCAPS, whatever the process', () => {
    const rules = exclusions([]).map(rule => parseListedRule(rule)!);
    expect(rules.map(({ list }) => list)).toEqual(['exclude', 'exclude']);
    expect(rules.map(({ fields }) => fields)).toEqual(
      [1327, 1321].map(type => [
        { field: MSGTYPE, op: EQUAL, value: type },
        { field: PID, op: NOT_EQUAL, value: 0x6f616531 },
      ]),
    );
    // /proc/sys/kernel/pid_max cannot be more than 2^22.
    expect(0x6f616531).toBeGreaterThan(1 << 22);
  });

  it('are known for ours', () => {
    for (const rule of exclusions([])) {
      expect(rule).toHaveLength(1040);
      expect(isExclusion(rule)).toBe(true);
      expect(ownRule(rule)).toBe(rule);
    }
  });

  it('are there whatever else is excluded, but for EOE', () => {
    expect(exclusions([always, excluding(1327), excluding(1300)])).toHaveLength(2);
    expect(exclusions([always, excluding(EOE)])).toEqual([]);
  });
});

describe('isExclusion', () => {
  it.each([1327, 1321, 1307])('leaves what others exclude: %i', type => {
    expect(isExclusion(excluding(type))).toBe(false);
    expect(ownRule(excluding(type))).toBeUndefined();
  });

  it('is no rule of the exit list', () => expect(isExclusion(always)).toBe(false));

  it('reads nothing that is not there', () => {
    const [rule] = exclusions([]);
    for (let length = 0; length < 1040; length += 13)
      expect(isExclusion(rule!.subarray(0, length))).toBe(false);
  });

  it('throws at nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1100 }), bytes => {
        expect(isExclusion(bytes)).toBe(false);
        expect(exclusions([bytes]).length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
