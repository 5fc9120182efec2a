import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogReader, type LogReaderOptions } from '../../../src/ingest/replay/log-reader.ts';

const lines = [
  'type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=59\x1dARCH=x86_64',
  '# remark',
  'type=CWD msg=audit(1364481363.243:24287):  cwd="/home/shadowman"\r',
  'garbage',
  '1320 audit(1364481363.243:24287): ',
];
const log = Buffer.from(lines.join('\n'));
const expected = [
  '1300 audit(1364481363.243:24287): arch=c000003e syscall=59',
  '1307 audit(1364481363.243:24287):  cwd="/home/shadowman"',
  '1320 audit(1364481363.243:24287): ',
];

interface Read {
  readonly reader: LogReader;
  readonly records: readonly string[];
}

const read = (chunks: readonly Uint8Array[], options: LogReaderOptions = {}): Read => {
  const records: string[] = [];
  const reader = new LogReader(
    ({ type, bytes, start, end }) => records.push(`${type} ${bytes.toString('latin1', start, end)}`) > 0,
    options,
  );
  for (const chunk of chunks) {
    const own = Buffer.from(chunk);
    reader.push(own);
    // The reader of a file uses the same memory again.
    own.fill(0x21);
  }
  reader.end();
  return { reader, records };
};
const readText = (text: string, options: LogReaderOptions = {}): Read =>
  read([Buffer.from(text, 'latin1')], options);

test('cut into pieces anywhere, the records are the same', () => {
  const cuts = fc.array(fc.nat({ max: log.length }), { maxLength: 8 });
  fc.assert(
    fc.property(cuts, fc.boolean(), (positions, newline) => {
      const whole = newline ? Buffer.concat([log, Buffer.from('\n')]) : log;
      const edges = [0, ...positions.toSorted((a, b) => a - b), whole.length];
      const chunks = edges.slice(1).map((end, i) => whole.subarray(edges[i], end));
      const { reader, records } = read(chunks);
      expect(records).toEqual(expected);
      expect(reader.counters).toEqual({
        lines: 5,
        records: 3,
        malformed: 1,
        foreign: 0,
        firstMalformed: { line: 4, reason: 'expected "type=NAME msg=audit(…" or "NUMBER audit(…"' },
      });
    }),
  );
});

test('an overlong line is counted and passed over, whether it comes in one piece or in many', () => {
  const long = `1309 audit(1.000:1): a0=${'41'.repeat(500)}`;
  const whole = Buffer.from(`${lines[0]}\n${long}\n${lines[4]}\n${long}`);
  for (const size of [1, 7, 100, 5000]) {
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    const { reader, records } = read(chunks, { maxLineBytes: 200 });
    expect(records).toEqual([expected[0], expected[2]]);
    expect(reader.counters).toMatchObject({ lines: 4, records: 2, malformed: 2 });
    expect(reader.counters.firstMalformed).toEqual({ line: 2, reason: 'longer than 200 bytes' });
  }
});

test('a line as long as the limit is read', () => {
  const line = '1320 audit(1.000:1): ';
  expect(readText(`${line}\n`, { maxLineBytes: line.length }).records).toHaveLength(1);
  expect(readText(`${line}\n`, { maxLineBytes: line.length - 1 }).records).toHaveLength(0);
});

test('an empty log has no records', () => {
  expect(readText('').reader.counters).toMatchObject({ lines: 0, malformed: 0 });
});

const CWD = 'type=CWD msg=audit(1364481363.243:24287):  cwd="/home/shadowman"';
const ARGUMENTS = 'type=EXECVE msg=audit(1364481363.243:24288): argc=1 a0="ls"';
const MESSAGE = `type=USER_END msg=audit(1364481363.243:24289): pid=1 uid=0 auid=0 ses=1 msg='op=x acct="root" res=success'`;
const shown = (line: string): string =>
  line.replace(
    /^type=(\S+) msg=/,
    (_, name) => `${{ CWD: 1307, EXECVE: 1309, USER_END: 1106 }[name as string]} `,
  );

test('a last line without an end is read only as far as it is certain', () => {
  for (const line of [CWD, ARGUMENTS, MESSAGE]) {
    expect(readText(line)).toMatchObject({ records: [shown(line)], reader: { counters: { malformed: 0 } } });
    for (let end = 1; end < line.length; end++) {
      const { records, reader } = readText(line.slice(0, end));
      expect([records.length, reader.counters.malformed], line.slice(0, end)).toEqual([0, 1]);
    }
  }
});

test('two records torn into one line are told apart, and the first is counted', () => {
  const { records, reader } = readText(`${CWD.slice(0, -10)}${ARGUMENTS}\n`);
  expect(records).toEqual([shown(ARGUMENTS)]);
  expect(reader.counters).toMatchObject({
    malformed: 1,
    firstMalformed: { reason: 'the record is cut off' },
  });
  const withNode = readText(`${CWD.slice(0, -10)}node=web1 ${ARGUMENTS}\n`);
  expect(withNode.records).toEqual([shown(ARGUMENTS)]);
});

test('a line of several records is a list', () => {
  expect(readText(`${CWD} ${ARGUMENTS} ${CWD}\n`)).toMatchObject({
    records: [CWD, ARGUMENTS, CWD].map(shown),
    reader: { counters: { malformed: 0 } },
  });
});

test('of a message in which a record stands nothing is read as one', () => {
  const forged = MESSAGE.replace('op=x', `op=x ${CWD}`);
  expect(readText(`${forged}\n`).records).toEqual([shown(forged)]);
  const torn = `${MESSAGE.slice(0, -20)}${MESSAGE}\n`;
  expect(readText(torn)).toMatchObject({ records: [], reader: { counters: { malformed: 2 } } });
  const cut = `${MESSAGE.slice(0, -20)}${CWD}\n`;
  expect(readText(cut)).toMatchObject({ records: [], reader: { counters: { malformed: 2 } } });
});

test('blocks of NUL, as a crash leaves them, are counted, and what stands behind is read', () => {
  for (const block of [1, 4096, 3 << 20]) {
    const text = `${CWD}\n${'\0'.repeat(block)}${ARGUMENTS}\n`;
    expect(readText(text)).toMatchObject({
      records: [CWD, ARGUMENTS].map(shown),
      reader: { counters: { malformed: 1 } },
    });
  }
  const torn = `${CWD.slice(0, -10)}${'\0'.repeat(100)}${ARGUMENTS}\n`;
  expect(readText(torn)).toMatchObject({
    records: [shown(ARGUMENTS)],
    reader: { counters: { malformed: 1 } },
  });
});
