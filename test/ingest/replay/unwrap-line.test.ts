import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJournalExport, JournalExportReader } from '../../../src/ingest/replay/journal-export.ts';
import { unwrapLine } from '../../../src/ingest/replay/unwrap-line.ts';
import { type LoggedRecord, transports } from './transports.ts';

const HEADER = /audit\(\d+\.\d+:\d+\)/;
const record: LoggedRecord = {
  type: 1307,
  name: 'CWD',
  stamp: '1364481363.243:24287',
  fields: 'cwd="/home/shadowman"',
  interpreted: '',
  node: '',
};
const shown = (line: string) => {
  const unwrapped = unwrapLine(Buffer.from(line));
  return unwrapped.kind === 'lines' ? unwrapped.lines.map(String) : unwrapped;
};
const PLAIN = 'type=CWD msg=audit(1364481363.243:24287): cwd="/home/shadowman"';

describe('unwrapLine', () => {
  it.each([
    `{"message":"${PLAIN.replaceAll('"', '\\"')}","event":{"original":"${PLAIN.replaceAll('"', '\\"')}"}}`,
    `["${PLAIN.replaceAll('"', '\\"')}"]`,
    `Nov 30 13:00:00 web1 laurel[7]: {"log":"${PLAIN.replaceAll('"', '\\"')}"}`,
    `{"log":"Nov 30 13:00:00 web1 audispd: ${PLAIN.replaceAll('"', '\\"')}\\n"}`,
  ])('finds the record in %s', line => expect(shown(line)).toEqual([PLAIN]));

  it.each([
    ['Nov 30 13:00:00 web1 sshd[7]: Accepted publickey', { kind: 'foreign' }],
    ['[   12.345678] usb 1-1: new device', { kind: 'foreign' }],
    ['{"MESSAGE":"Started session","_BOOT_ID":"b"}', { kind: 'foreign' }],
    [`{"log":"${PLAIN.replaceAll('"', '\\"')}`, { kind: 'malformed', reason: 'its JSON is broken' }],
    ['what is this', { kind: 'malformed', reason: undefined }],
  ])('says what %s is', (line, expected) => expect(shown(line)).toEqual(expected));

  it('of any bytes, and of any transport cut anywhere, gives lines with a header or none', () => {
    const written = Object.values(transports).map(({ write }) => write([record]));
    const cut = fc
      .record({ which: fc.nat({ max: written.length - 1 }), end: fc.nat() })
      .map(({ which, end }) => written[which]!.subarray(0, end % (written[which]!.length + 1)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), cut), bytes => {
        const unwrapped = unwrapLine(Buffer.from(bytes));
        if (unwrapped.kind !== 'lines') return;
        expect(unwrapped.lines.length).toBeGreaterThan(0);
        for (const line of unwrapped.lines) expect(line.toString('latin1')).toMatch(HEADER);
      }),
    );
  });
});

describe('JournalExportReader', () => {
  const message = {
    ...record,
    type: 1100,
    name: 'USER_AUTH',
    fields: "pid=1 uid=0 auid=0 ses=1 msg='a\tb\x01c'",
  };
  const written = transports['the journal exported']!.write([record, message, record]);

  it('gives the same lines whatever the pieces', () => {
    expect(isJournalExport(written)).toBe(true);
    const whole = new JournalExportReader();
    const expected = whole.push(written).toString('latin1') + whole.end().toString('latin1');
    expect(expected.split('\n')).toHaveLength(4);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), step => {
        const reader = new JournalExportReader();
        let text = '';
        for (let at = 0; at < written.length; at += step)
          text += reader.push(written.subarray(at, at + step)).toString('latin1');
        expect(text + reader.end().toString('latin1')).toBe(expected);
      }),
    );
  });

  it('cut anywhere gives whole records or none', () => {
    const whole = new JournalExportReader();
    const lines = whole.push(written).toString('latin1').split('\n');
    for (let end = 0; end <= written.length; end++) {
      const reader = new JournalExportReader();
      const text = reader.push(written.subarray(0, end)).toString('latin1') + reader.end().toString('latin1');
      for (const line of text.split('\n')) expect([...lines, '']).toContain(line);
      const isBetweenFields = end === 0 || written[end - 1] === 0x0a;
      if (!isBetweenFields) expect(reader.isCut, `cut at ${end}`).toBe(true);
    }
  });

  it('bears any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const reader = new JournalExportReader();
        reader.push(Buffer.from('__CURSOR=s\n'));
        reader.push(Buffer.from(bytes));
        reader.end();
      }),
    );
  });
});
