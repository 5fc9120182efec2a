import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogReader, readLogRecords } from '../../../src/ingest/replay/log-reader.ts';

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

const shown = (records: readonly { type: number; payload: Uint8Array }[]) =>
  records.map(record => `${record.type} ${Buffer.from(record.payload).toString()}`);

const readAll = (reader: LogReader, chunks: readonly Uint8Array[]) =>
  shown([...chunks.flatMap(chunk => reader.push(chunk)), ...reader.end()]);

test('cut into pieces anywhere, the records are the same', () => {
  const cuts = fc.array(fc.nat({ max: log.length }), { maxLength: 8 });
  fc.assert(
    fc.property(cuts, fc.boolean(), (positions, newline) => {
      const whole = newline ? Buffer.concat([log, Buffer.from('\n')]) : log;
      const edges = [0, ...positions.toSorted((a, b) => a - b), whole.length];
      const chunks = edges.slice(1).map((end, i) => whole.subarray(edges[i], end));
      const reader = new LogReader();
      expect(readAll(reader, chunks)).toEqual(expected);
      expect(reader.counters).toEqual({
        lines: 5,
        records: 3,
        malformed: 1,
        firstMalformed: { line: 4, reason: 'expected "type=NAME msg=audit(…" or "NUMBER audit(…"' },
      });
    }),
  );
});

test('an overlong line is counted and passed over, whether it comes in one piece or in many', () => {
  const long = `1309 audit(1.000:1): a0=${'41'.repeat(500)}`;
  const whole = Buffer.from(`${lines[0]}\n${long}\n${lines[4]}\n${long}`);
  for (const size of [1, 7, 100, 5000]) {
    const reader = new LogReader({ maxLineBytes: 200 });
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    expect(readAll(reader, chunks)).toEqual([expected[0], expected[2]]);
    expect(reader.counters).toMatchObject({ lines: 4, records: 2, malformed: 2 });
    expect(reader.counters.firstMalformed).toEqual({ line: 2, reason: 'longer than 200 bytes' });
  }
});

test('a line as long as the limit is read', () => {
  const line = '1320 audit(1.000:1): ';
  expect(readAll(new LogReader({ maxLineBytes: line.length }), [Buffer.from(`${line}\n`)])).toHaveLength(1);
  expect(readAll(new LogReader({ maxLineBytes: line.length - 1 }), [Buffer.from(`${line}\n`)])).toHaveLength(
    0,
  );
});

test('the next piece is asked for only when the batch before it is taken', async () => {
  const asked: number[] = [];
  function* chunks() {
    for (let i = 0; i < 3; i++) {
      asked.push(i);
      yield Buffer.from(`1320 audit(1.000:${i}): \n`);
    }
  }
  const batches = readLogRecords(chunks());
  expect(asked).toEqual([]);
  await batches.next();
  expect(asked).toEqual([0]);
  await batches.next();
  expect(asked).toEqual([0, 1]);
  await batches.return(undefined);
});

test('an empty log has no records', () => {
  const reader = new LogReader();
  expect(readAll(reader, [])).toEqual([]);
  expect(reader.counters).toMatchObject({ lines: 0, malformed: 0 });
});
