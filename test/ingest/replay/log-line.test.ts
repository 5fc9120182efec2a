import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLogLine } from '../../../src/ingest/replay/log-line.ts';
import { recordTypeNumber, recordTypeNumbers } from '../../../src/ingest/replay/record-types.ts';

/** As auditd writes it. */
const recordTypeName = (type: number): string =>
  Object.entries(recordTypeNumbers).find(([, number]) => number === type)?.[0] ?? `UNKNOWN[${type}]`;

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const parse = (text: string) => {
  const line = bytes(text);
  return parseLogLine(line, 0, line.length);
};
const shown = (text: string) => {
  const line = parse(text);
  if (line.kind !== 'record') return line;
  const { type, start, end, node } = line.record;
  return { type, payload: text.slice(start, end), ...(node === undefined ? {} : { node }) };
};

const payload = 'audit(1364481363.243:24287): arch=c000003e syscall=2 success=no exit=-13';

describe('forms', () => {
  test.each([
    [`type=SYSCALL msg=${payload}`, { type: 1300, payload }],
    [`type=SYSCALL msg=${payload}\r`, { type: 1300, payload }],
    [`node=web-1.example type=SYSCALL msg=${payload}`, { type: 1300, payload, node: 'web-1.example' }],
    [`type=SYSCALL msg=${payload}\x1dARCH=x86_64 SYSCALL=open AUID="shadowman"`, { type: 1300, payload }],
    [`type=UNKNOWN[1334] msg=${payload}`, { type: 1334, payload }],
    [`type=1300 ${payload}`, { type: 1300, payload }],
    [`type=1300 msg=${payload}`, { type: 1300, payload }],
    [`1300 ${payload}`, { type: 1300, payload }],
    [`1300, ${payload}`, { type: 1300, payload }],
    [`  1300,${payload}`, { type: 1300, payload }],
    ['type=EOE msg=audit(1.000:4294967295):', { type: 1320, payload: 'audit(1.000:4294967295):' }],
    [
      'type=USER_AUTH msg=audit(1.5:6): pid=1 msg=\'op=PAM:authentication acct="root" res=success\'\x1dUID="root"',
      { type: 1100, payload: 'audit(1.5:6): pid=1 msg=\'op=PAM:authentication acct="root" res=success\'' },
    ],
    // 0x1D in a program's own message, in a raw and in an enriched log.
    [
      `type=USER_CMD msg=audit(1.5:6): pid=1 msg='cmd=a\x1db'`,
      { type: 1123, payload: `audit(1.5:6): pid=1 msg='cmd=a\x1db'` },
    ],
    [
      `type=USER_CMD msg=audit(1.5:6): pid=1 msg='a'\x1dUID="b'`,
      { type: 1123, payload: `audit(1.5:6): pid=1 msg='a'\x1dUID="b'` },
    ],
    [
      `type=USER_CMD msg=audit(1.5:6): pid=1 msg='a'\x1dUID="b'\x1dUID="o'neil" SADDR={ a=1 b }\r`,
      { type: 1123, payload: `audit(1.5:6): pid=1 msg='a'\x1dUID="b'` },
    ],
    [
      `type=SYSCALL msg=audit(1.5:6): comm="it's"\x1dUID="root"`,
      { type: 1300, payload: `audit(1.5:6): comm="it's"` },
    ],
    ['', { kind: 'blank' }],
    [' \t\r', { kind: 'blank' }],
    ['# a remark', { kind: 'comment' }],
    ['----', { kind: 'comment' }],
    ['time->Thu Mar 28 18:36:03 2013', { kind: 'comment' }],
  ])('%j', (text, expected) => {
    expect(shown(text)).toEqual(expected);
  });
});

describe('malformed lines say why', () => {
  test.each([
    ['root:x:0:0:root:/root:/bin/bash', 'expected "type=NAME msg=audit(…" or "NUMBER audit(…"'],
    ['SYSCALL msg=audit(1.0:1): a=b', 'expected "type=NAME msg=audit(…" or "NUMBER audit(…"'],
    ['type=NEVER_SEEN msg=audit(1.0:1): a=b', 'unknown record type NEVER_SEEN'],
    ['type=0 audit(1.0:1): a=b', 'expected a record type after "type="'],
    ['type=65536 audit(1.0:1): a=b', 'expected a record type after "type="'],
    ['type= msg=audit(1.0:1): a=b', 'expected a record type after "type="'],
    ['type=SYSCALL', 'expected "audit(" after the record type'],
    ['type=SYSCALL arch=c000003e', 'expected "audit(" after the record type'],
    ['type=SYSCALL msg=audit(x): a=b', 'expected seconds after "audit("'],
    ['type=SYSCALL msg=audit(1): a=b', 'expected seconds and "." after "audit("'],
    ['type=SYSCALL msg=audit(1.2): a=b', 'expected milliseconds and ":" in the time stamp'],
    ['type=SYSCALL msg=audit(1.2:3: a=b', 'expected a serial number and ")" in the time stamp'],
    [
      'type=SYSCALL msg=audit(03/28/2013 18:36:03.243:24287) : a=b',
      'the time is interpreted: make the log with "ausearch --raw"',
    ],
    ...[
      '30.11.2026 13:37:56.123:456',
      '2026-11-30 13:37:56.123:456',
      '30/11/26 13:37:56.123:456',
      '11/30/2026 01:37:56 PM.123:456',
      '2026\xe5\xb9\xb411\xe6\x9c\x8830\xe6\x97\xa5 13:37:56.123:456',
    ].map(time => [
      `type=SYSCALL msg=audit(${time}) : a=b`,
      'the time is interpreted: make the log with "ausearch --raw"',
    ]),
  ])('%j', (text, reason) => {
    expect(parse(text)).toEqual({ kind: 'malformed', reason });
  });
});

describe('properties', () => {
  test('any bytes give a line of some kind, and only look between start and end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 20 }), (any, around) => {
        const line = Buffer.from(any);
        const alone = parseLogLine(line, 0, line.length);
        const framed = Buffer.concat([around, line, around]);
        const inside = parseLogLine(framed, around.length, around.length + line.length);
        expect(inside.kind).toBe(alone.kind);
      }),
    );
  });

  test('cut off anywhere: blank, malformed, or a record whose payload the whole begins with', () => {
    const whole = `node=n type=SYSCALL msg=${payload}\x1dSYSCALL=open`;
    for (let length = 0; length <= whole.length; length++) {
      const line = parse(whole.slice(0, length));
      expect(['blank', 'malformed', 'record']).toContain(line.kind);
      if (line.kind !== 'record') continue;
      const text = whole.slice(line.record.start, line.record.end);
      expect(text).toMatch(/^audit\(1364481363\.243:24287\)/);
      expect(payload.startsWith(text)).toBe(true);
    }
  });

  test('what is written in any form is read back', () => {
    const forms = [
      (type: number, body: string) => `type=${recordTypeName(type)} msg=${body}`,
      (type: number, body: string) => `type=${recordTypeName(type)} msg=${body}\x1dA=b`,
      (type: number, body: string) => `type=${type} ${body}`,
      (type: number, body: string) => `${type} ${body}`,
      (type: number, body: string) => `${type}, ${body}`,
    ];
    const body = fc
      .tuple(fc.nat(), fc.nat({ max: 999 }), fc.nat({ max: 2 ** 32 - 1 }), fc.stringMatching(/^[ -~]{0,50}$/))
      .map(
        ([seconds, ms, serial, fields]) =>
          `audit(${seconds}.${String(ms).padStart(3, '0')}:${serial}): ${fields}`,
      );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65535 }), body, fc.constantFrom(...forms), (type, text, form) => {
        expect(shown(form(type, text))).toEqual({ type, payload: text });
      }),
    );
  });
});

test('record types: one name a number, looked up both ways', () => {
  const numbers = Object.values(recordTypeNumbers);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const [name, type] of Object.entries(recordTypeNumbers)) {
    expect(type).toBeGreaterThanOrEqual(1000);
    expect(type).toBeLessThan(3000);
    expect(recordTypeNumber(name)).toBe(type);
  }
  expect(recordTypeNumbers).toMatchObject({
    LOGIN: 1006,
    USER_AUTH: 1100,
    EXECVE: 1309,
    AVC: 1400,
    URINGOP: 1336,
    VIRT_CONTROL: 2500,
  });
  expect(recordTypeNumber('constructor')).toBeUndefined();
});
