import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditRule,
  encodeRule,
  keyWithNote,
  NO_EVENTS,
  noteIn,
  ownRule,
  RULE_KEY,
  type RuleSelection,
  rulesFor,
} from '../../../src/audit/control/rules.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';

/** struct audit_rule_data of linux/audit.h, by its members. */
const layout = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const array = (offset: number): number[] =>
    Array.from({ length: 64 }, (_, i) => view.getUint32(offset + 4 * i, true));
  const buflen = view.getUint32(1036, true);
  return {
    flags: view.getUint32(0, true),
    action: view.getUint32(4, true),
    field_count: view.getUint32(8, true),
    mask: array(12),
    fields: array(268),
    values: array(524),
    fieldflags: array(780),
    buflen,
    buf: Buffer.from(bytes.subarray(1040)).toString('latin1'),
  };
};
const padded = (...values: readonly number[]): number[] => [
  ...values,
  ...new Array(64 - values.length).fill(0),
];
const syscallsIn = (mask: readonly number[]): number[] =>
  Array.from({ length: 2048 }, (_, number) => number).filter(
    number => ((mask[number >>> 5]! >>> (number & 31)) & 1) === 1,
  );

const ALL: RuleSelection = {
  processEvents: true,
  forkProcessEvents: true,
  killProcessEvents: true,
  sockets: true,
  acceptSocketEvents: true,
  failedSocketEvents: true,
  nullAcceptSocketEvents: true,
  datagrams: true,
};

const FIELD_NAMES = new Map([
  [0, 'pid'],
  [103, 'exit'],
  [104, 'success'],
  [112, 'exe'],
  [200, 'a0'],
  [201, 'a1'],
  [202, 'a2'],
  [203, 'a3'],
]);
const ARCHES = new Map([
  [0xc000003e, 'b64'],
  [0x40000003, 'b32'],
  [0xc00000b7, 'b64'],
  [0x40000028, 'b32'],
]);

/** A rule as auditctl -l would say it. */
const say = ({ list, action, prepend, syscalls, fields }: AuditRule): string => {
  const named = fields.map(([field, value, operator]) =>
    field === 11
      ? `arch=${ARCHES.get(value as number)}`
      : `${FIELD_NAMES.get(field)}${operator === undefined ? '=' : '&'}${value}`,
  );
  return [
    `${prepend ? '-A' : '-a'} ${action},${list ?? 'exit'}`,
    ...named,
    syscalls === 'all' ? 'all' : syscalls.join(','),
  ].join(' ');
};
const all = (selection: Partial<RuleSelection>, arch = 'x64'): string[] =>
  rulesFor({ ...NO_EVENTS, ...selection }, nativeArchitectures(arch), 77).map(say);
const isOfClaims = (rule: string): boolean => rule.includes('a0=35');
/** Without those of sends that connect, and of who has the kernel name another program as his. */
const rules = (selection: Partial<RuleSelection>, arch = 'x64'): string[] =>
  all(selection, arch).filter(rule => !rule.includes('&') && !isOfClaims(rule));

describe('rulesFor', () => {
  it('never audits the reader itself, before anything else', () => {
    expect(rules({})).toEqual(['-A never,exit pid=77 all']);
    for (const rule of rulesFor(ALL, nativeArchitectures('x64'), 77)) expect(rule.key).toBe(RULE_KEY);
  });

  it('asks for successful execs of 64-bit and 32-bit programs by the numbers of each', () => {
    expect(rules({ processEvents: true })).toEqual([
      '-A never,exit pid=77 all',
      '-a always,exit arch=b64 success=1 59,322',
      '-a always,exit arch=b32 success=1 11,358',
    ]);
    expect(rules({ processEvents: true }, 'arm64').slice(1)).toEqual([
      '-a always,exit arch=b64 success=1 221,281',
      '-a always,exit arch=b32 success=1 11,387',
    ]);
  });

  it('asks for who has the kernel name another program as his, where rows say what was not just begun', () => {
    expect(all({ processEvents: true }).filter(isOfClaims)).toEqual([]);
    for (const selection of [{ sockets: true }, { forkProcessEvents: true }, { killProcessEvents: true }]) {
      expect(all(selection).filter(isOfClaims)).toEqual([
        '-a always,exit arch=b64 a0=35 a1=14 success=1 157',
        '-a always,exit arch=b32 a0=35 a1=14 success=1 172',
      ]);
      expect(all(selection, 'arm64').filter(isOfClaims)).toEqual([
        '-a always,exit arch=b64 a0=35 a1=14 success=1 167',
        '-a always,exit arch=b32 a0=35 a1=14 success=1 172',
      ]);
    }
  });

  it('adds forks and kills to the same rule', () => {
    expect(rules({ processEvents: true, forkProcessEvents: true, killProcessEvents: true })[1]).toBe(
      '-a always,exit arch=b64 success=1 59,322,57,58,56,435,62,200,234',
    );
    // arm64 has no fork or vfork.
    expect(rules({ forkProcessEvents: true }, 'arm64')[1]).toBe('-a always,exit arch=b64 success=1 220,435');
  });

  it('asks for sockets that succeeded or are in progress', () => {
    expect(rules({ sockets: true })).toEqual([
      '-A never,exit pid=77 all',
      '-a always,exit arch=b64 success=1 49,42',
      '-a always,exit arch=b64 exit=-115 42',
      '-a always,exit arch=b64 exit=-4 42',
      '-a always,exit arch=b32 success=1 361,362',
      '-a always,exit arch=b32 exit=-115 362',
      '-a always,exit arch=b32 exit=-4 362',
      '-a always,exit arch=b32 a0=2 success=1 102',
      '-a always,exit arch=b32 a0=3 success=1 102',
      '-a always,exit arch=b32 a0=3 exit=-115 102',
      '-a always,exit arch=b32 a0=3 exit=-4 102',
      ...[11, 16, 20].flatMap(call => [
        `-a always,exit arch=b32 a0=${call} success=1 102`,
        `-a always,exit arch=b32 a0=${call} exit=-115 102`,
      ]),
      '-a always,io_uring 16,56',
    ]);
  });

  it('asks for accepts, and those without a client, by their flags', () => {
    const b64 = (selection: Partial<RuleSelection>): string[] =>
      rules({ sockets: true, ...selection }).filter(rule => rule.includes('b64'));
    expect(b64({ acceptSocketEvents: true })).toEqual([
      '-a always,exit arch=b64 success=1 49,42,43,288',
      '-a always,exit arch=b64 exit=-115 42',
      '-a always,exit arch=b64 exit=-4 42',
    ]);
    expect(b64({ acceptSocketEvents: true, nullAcceptSocketEvents: true })).toEqual([
      '-a always,exit arch=b64 success=1 49,42,43,288',
      '-a always,exit arch=b64 exit=-115 42',
      '-a always,exit arch=b64 exit=-4 42',
      '-a always,exit arch=b64 exit=-11 43,288',
    ]);
    expect(b64({ nullAcceptSocketEvents: true })).toEqual(b64({}));
  });

  it('asks for every outcome where failures are wanted', () => {
    expect(rules({ sockets: true, acceptSocketEvents: true, failedSocketEvents: true })).toEqual([
      '-A never,exit pid=77 all',
      '-a always,exit arch=b64 49,42,43,288',
      '-a always,exit arch=b32 361,362,364',
      '-a always,exit arch=b32 a0=2 102',
      '-a always,exit arch=b32 a0=3 102',
      '-a always,exit arch=b32 a0=5 102',
      '-a always,exit arch=b32 a0=18 102',
      '-a always,exit arch=b32 a0=11 102',
      '-a always,exit arch=b32 a0=16 102',
      '-a always,exit arch=b32 a0=20 102',
      '-a always,io_uring 16,56,13',
    ]);
  });

  it('asks for sends that connect (MSG_FASTOPEN), and for all of them with datagrams', () => {
    const sends = (selection: Partial<RuleSelection>): string[] =>
      all({ sockets: true, ...selection }).filter(rule => /b64.* (?:44|46|44,307|44,46,307)$/.test(rule));
    expect(sends({})).toEqual([
      '-a always,exit arch=b64 a3&536870912 success=1 44,307',
      '-a always,exit arch=b64 a3&536870912 exit=-115 44,307',
      '-a always,exit arch=b64 a2&536870912 success=1 46',
      '-a always,exit arch=b64 a2&536870912 exit=-115 46',
    ]);
    expect(sends({ failedSocketEvents: true, datagrams: true })).toEqual([
      '-a always,exit arch=b64 a3&536870912 44,307',
      '-a always,exit arch=b64 a2&536870912 46',
      '-a always,exit arch=b64 44,46,307',
    ]);
    expect(all({ sockets: true, datagrams: true })).toContain('-a always,exit arch=b32 a0=11 success=1 102');
  });

  it('asks for nobody who is left out, by the fields of its own rules', () => {
    const excluded = { excludeUids: [33, 34], excludeAuids: [4_294_967_295] };
    const made = rulesFor({ ...ALL, ...excluded }, nativeArchitectures('x64'), 77);
    const wanted = [
      [1, 33, 0x3000_0000],
      [1, 34, 0x3000_0000],
      [9, 4_294_967_295, 0x3000_0000],
    ];
    for (const { action, list, fields } of made) {
      if (action === 'always' && list === undefined) expect(fields.slice(-3)).toEqual(wanted);
      else expect(fields).not.toContainEqual(wanted[0]);
    }
    const uids = Array.from({ length: 200 }, (_, uid) => uid);
    for (const rule of rulesFor({ ...ALL, excludeUids: uids }, nativeArchitectures('x64'), 77))
      expect(rule.fields.length).toBeLessThan(64);
  });

  it('leaves out programs by a rule each, for the calls that are recorded, before those', () => {
    const excluded = { excludeExes: ['/usr/bin/a', '/opt/b c'] };
    expect(all({ processEvents: true, ...excluded })).toEqual([
      '-A never,exit pid=77 all',
      '-A never,exit arch=b64 exe=/usr/bin/a 59,322',
      '-A never,exit arch=b64 exe=/opt/b c 59,322',
      '-a always,exit arch=b64 success=1 59,322',
      '-A never,exit arch=b32 exe=/usr/bin/a 11,358',
      '-A never,exit arch=b32 exe=/opt/b c 11,358',
      '-a always,exit arch=b32 success=1 11,358',
    ]);
    expect(all(excluded)).toEqual(['-A never,exit pid=77 all']);
    const ofSockets = all({ sockets: true, datagrams: true, ...excluded });
    expect(ofSockets).toContain('-A never,exit arch=b64 exe=/usr/bin/a 42,44,46,49,307');
    // Who has the kernel name another program as his, and what happens to watched files, is recorded.
    const prctl = 157;
    const watches = [{ kind: 'path', path: '/etc/passwd' }] as const;
    for (const rule of rulesFor({ ...ALL, ...excluded, watches }, nativeArchitectures('x64'), 77).slice(1))
      if (rule.action === 'never') expect(rule.syscalls).not.toEqual(expect.arrayContaining([prctl]));
    expect(all({ watches, ...excluded }).filter(rule => rule.includes('exe='))).toEqual([]);
  });

  it('encodes a program as the kernel lists it, under our key', () => {
    const rule = rulesFor({ ...ALL, excludeExes: ['/usr/bin/a'] }, nativeArchitectures('x64'), 77)[1]!;
    const bytes = encodeRule({ ...rule, prepend: false });
    const { fields, values, buf } = layout(bytes);
    expect(fields.slice(0, 3)).toEqual([11, 112, 210]);
    expect(values.slice(1, 3)).toEqual([10, RULE_KEY.length]);
    expect(buf).toBe(`/usr/bin/a${RULE_KEY}`);
    expect(ownRule(bytes)).toBe(bytes);
  });

  it('asks only for what the flags of any selection allow', () => {
    const flag = fc.boolean();
    fc.assert(
      fc.property(
        fc.record({
          processEvents: flag,
          forkProcessEvents: flag,
          killProcessEvents: flag,
          sockets: flag,
          acceptSocketEvents: flag,
          failedSocketEvents: flag,
          nullAcceptSocketEvents: flag,
          datagrams: flag,
        }),
        selection => {
          const made = rulesFor(selection, nativeArchitectures('x64'), 77);
          expect(made[0]!.action).toBe('never');
          const uring = made.filter(({ list }) => list === 'io_uring');
          expect(uring).toHaveLength(selection.sockets ? 1 : 0);
          for (const { syscalls } of uring)
            expect(syscalls.includes(13 as never)).toBe(selection.acceptSocketEvents);
          for (const rule of made.slice(1).filter(({ list }) => list === undefined)) {
            // Without an arch of its own a rule's numbers mean other calls in 32-bit programs.
            expect(rule.fields[0]![0]).toBe(11);
            expect(rule.syscalls).not.toHaveLength(0);
            const b64 = rule.fields[0]![1] === 0xc000003e;
            const has = (number: number): boolean => rule.syscalls.includes(number as never);
            if (b64 && has(59)) expect(selection.processEvents).toBe(true);
            if (b64 && has(56)) expect(selection.forkProcessEvents).toBe(true);
            if (b64 && has(42)) expect(selection.sockets).toBe(true);
            if (b64 && has(43)) expect(selection.sockets && selection.acceptSocketEvents).toBe(true);
          }
          expect(new Set(made.map(say)).size).toBe(made.length);
        },
      ),
    );
  });
});

describe('encodeRule', () => {
  it('lays a rule out as struct audit_rule_data', () => {
    const bytes = encodeRule({
      action: 'always',
      prepend: false,
      syscalls: [59, 322],
      fields: [
        [11, 0xc000003e],
        [104, 1],
      ],
      key: 'a key',
    });
    expect(bytes.length).toBe(1040 + 5);
    const { mask, ...rest } = layout(bytes);
    expect(rest).toEqual({
      flags: 4,
      action: 2,
      field_count: 3,
      fields: padded(11, 104, 210),
      values: padded(0xc000003e, 1, 5),
      fieldflags: padded(0x40000000, 0x40000000, 0x40000000),
      buflen: 5,
      buf: 'a key',
    });
    expect(syscallsIn(mask)).toEqual([59, 322]);
  });

  it('lays a rule for io_uring out for its own list', () => {
    const bytes = encodeRule({
      list: 'io_uring',
      action: 'always',
      prepend: false,
      syscalls: [16, 56],
      fields: [],
      key: 'k',
    });
    const { mask, flags, field_count } = layout(bytes);
    expect({ flags, field_count }).toEqual({ flags: 7, field_count: 1 });
    expect(syscallsIn(mask)).toEqual([16, 56]);
  });

  it('puts a rule for every call first', () => {
    const { flags, action, mask } = layout(
      encodeRule({ action: 'never', prepend: true, syscalls: 'all', fields: [[0, 77]], key: RULE_KEY }),
    );
    expect([flags, action]).toEqual([0x14, 0]);
    // The kernel keeps the last 16 bits for itself, and would list another rule than it was given.
    expect(mask).toEqual([...new Array(63).fill(0xffffffff), 0xffff]);
  });

  it('writes a negative exit as the kernel compares it', () => {
    const { values } = layout(
      encodeRule({ action: 'always', prepend: false, syscalls: [42], fields: [[103, -115]], key: 'k' }),
    );
    expect(values[0]).toBe(0xffffff8d);
  });

  it('counts the bytes of a key, not its characters', () => {
    const { buflen, values, buf } = layout(
      encodeRule({ action: 'always', prepend: false, syscalls: [], fields: [], key: 'Schlüssel' }),
    );
    expect([buflen, values[0], Buffer.from(buf, 'latin1').toString()]).toEqual([10, 10, 'Schlüssel']);
  });

  it('sets the bit of any system call', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(2047), { maxLength: 20 }), syscalls => {
        const { mask } = layout(
          encodeRule({ action: 'always', prepend: false, syscalls, fields: [], key: 'k' }),
        );
        expect(syscallsIn(mask)).toEqual(syscalls.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('ownRule', () => {
  const own = encodeRule({
    action: 'always',
    prepend: false,
    syscalls: [59],
    fields: [[11, 0xc000003e]],
    key: RULE_KEY,
  });

  it('knows the rules made here, as the kernel lists them', () => {
    for (const rule of rulesFor(ALL, nativeArchitectures('x64'), 77)) {
      const bytes = encodeRule(rule);
      expect(ownRule(bytes)).toBe(bytes);
    }
  });

  it.each(['', 'other', 'osquery-audit-event', 'osquery-audit-events2'])('leaves those of key %j', key => {
    const rule = encodeRule({ action: 'always', prepend: false, syscalls: [59], fields: [], key });
    expect(ownRule(rule)).toBeUndefined();
  });

  const withKey = (key: string): Uint8Array =>
    encodeRule({ action: 'never', prepend: true, syscalls: 'all', fields: [[0, 77]], key });

  it('knows the one that says what was found and placed, and reads it', () => {
    const failure = fc.integer({ min: 0, max: 2 });
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(
        fc.record({
          found: fc.record({
            enabled: fc.integer({ min: 0, max: 1 }),
            failure,
            backlogLimit: u32,
            backlogWaitTime: u32,
          }),
          owner: u32,
          placed: fc.record({ failure, backlogLimit: u32, backlogWaitTime: u32 }, { requiredKeys: [] }),
        }),
        note => {
          const rule = withKey(keyWithNote(note));
          expect(ownRule(rule)).toBe(rule);
          expect(noteIn(rule)).toEqual({ pid: 77, ...note });
        },
      ),
    );
  });

  it.each([
    ...['', '1,1,64,0;placed=0,8192,0', '1,1,64,0,0,0;placed=0,8192,0', '2,1,64,0,0;placed=0,8192,0'],
    ...['1,3,64,0,0;placed=0,8192,0', '1,1,4294967296,0,0;placed=0,8192,0', '1,1,-64,0,0;placed=0,8192,0'],
    ...[
      '1,1,64,0,0',
      '1,1,64,0,0;placed=0,8192',
      '1,1,64,0,0;placed=3,8192,0',
      '1,1,64,0,0;placed=0,4294967296,0',
    ],
    ...['1,1,64,0,0;placed=0,8192,0,', '1,1,64,0,0;placed=0,8192,x', '1,1,64,0,0;placed=,,'],
  ])('takes nothing from a note of %j', note => {
    expect(noteIn(withKey(`${RULE_KEY}:found=${note}`))).toBeUndefined();
  });

  it('takes nothing from rules without a note, whoever made them', () => {
    const note = ':found=1,1,64,0,0;placed=-,-,-';
    for (const key of [RULE_KEY, `other${note}`]) expect(noteIn(withKey(key))).toBeUndefined();
    expect(noteIn(withKey(RULE_KEY + note).subarray(0, 1000))).toBeUndefined();
  });

  it('leaves those without a key', () => {
    const rule = Uint8Array.from(own);
    new DataView(rule.buffer).setUint32(8, 1, true);
    expect(ownRule(rule)).toBeUndefined();
  });

  /** A rule with one more string before or after its key, as `auditctl -w` and -F exe= make. */
  const withString = (field: number, text: string, first: boolean): Uint8Array => {
    const bytes = Buffer.concat([own, Buffer.from(text)]);
    const entries = [
      [210, RULE_KEY.length],
      [field, text.length],
    ];
    if (first) entries.reverse();
    entries.forEach(([number, value], i) => {
      bytes.writeUInt32LE(number!, 268 + 4 * i);
      bytes.writeUInt32LE(value!, 524 + 4 * i);
    });
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(RULE_KEY.length + text.length, 1036);
    bytes.write(first ? text + RULE_KEY : RULE_KEY + text, 1040);
    return bytes;
  };

  it.each([
    ['watch', 105],
    ['dir', 107],
    ['exe', 112],
    ['subj_user', 13],
    ['obj_lev_high', 23],
  ])('finds the key behind the string of %s', (_, field) => {
    expect(ownRule(withString(field, '/etc/passwd', true))).toBeDefined();
    expect(ownRule(withString(field, '/etc/passwd', false))).toBeDefined();
  });

  it('does not take another string that spells our key for it', () => {
    const watch = Buffer.from(withString(105, 'x'.repeat(RULE_KEY.length), true));
    watch.write(RULE_KEY + 'x'.repeat(RULE_KEY.length), 1040);
    expect(ownRule(watch)).toBeUndefined();
  });

  it('reads a rule cut at any byte, and knows only the whole one', () => {
    for (let length = 0; length < own.length; length++)
      expect(ownRule(own.subarray(0, length))).toBeUndefined();
    expect(ownRule(own)).toBe(own);
  });

  it('reads any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1040, maxLength: 1080 }), fc.nat(0xffffffff), (bytes, count) => {
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, count, true);
        expect(ownRule(bytes)).toBeUndefined();
      }),
    );
  });
});
