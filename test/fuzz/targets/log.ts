import { parseRecord } from '../../../src/audit/record.ts';
import { LogReader } from '../../../src/ingest/replay/log-reader.ts';
import { recordedLines } from '../seeds.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';

const MAX_LINE = 300;

interface RawRecord {
  readonly type: number;
  readonly payload: Buffer;
  readonly node: string | undefined;
}

const read = (pieces: readonly Buffer[]): { reader: LogReader; records: RawRecord[] } => {
  const records: RawRecord[] = [];
  const reader = new LogReader(
    ({ type, bytes, start, end, node }) => {
      records.push({ type, payload: Buffer.from(bytes.subarray(start, end)), node });
      return true;
    },
    { maxLineBytes: MAX_LINE, allTypes: true },
  );
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return { reader, records };
};

/** A recorded log, whole and in pieces: the same records, each within its line, and every line accounted for. */
export const log: FuzzTarget = {
  name: 'log',
  maxBytes: 1_200,
  seeds: () => {
    const lines = recordedLines();
    const some = lines.filter((_, index) => index % 37 === 0).map(line => line.subarray(0, 280));
    return [
      ...some,
      Buffer.concat(some.slice(0, 4).flatMap(line => [line, Buffer.from('\r\n')])),
      Buffer.from(
        '# comment\n----\ntime->x\n\nnode=h type=UNKNOWN[1334] msg=audit(1.002:3): a=1\x1dA="b"\n1300, audit(1.002:3): ',
      ),
      Buffer.from('type=USER_CMD msg=audit(1.002:3): pid=1 msg=\'cmd=\x1d \x1dx=1\'\x1dUID="root"\n'),
    ];
  },
  words: [
    'type=SYSCALL msg=audit(',
    'audit(1.002:3): ',
    '\n',
    '\r\n',
    '\x1d',
    "msg='",
    "'",
    'node=',
    'type=',
    '1300 ',
    'UNKNOWN[1334]',
    '----',
  ],
  run(input) {
    const whole = read([input]);
    const { lines, records, malformed } = whole.reader.counters;
    const text = input.toString('latin1');
    const expectedLines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    check(lines <= expectedLines, 'no more lines than there are');
    const withText = text.split('\n').filter(line => /[^\0]/.test(line)).length;
    check(lines >= withText, 'no line left out');
    const attempts = text.split('\n').filter(line => /^type=[A-Z]+ msg=audit\(/.test(line)).length;
    check(records + malformed >= attempts, 'every attempt at a record read or counted');
    checkEqual(whole.records.length, records, 'records');
    for (const { type, payload } of whole.records) {
      check(type >= 1 && type <= 0xffff, `type ${type}`);
      check(payload.length <= MAX_LINE && !payload.includes(0x0a), 'a record within its line');
      parseRecord(type, Buffer.from(payload), 0, payload.length);
    }
    const step = 1 + ((input[0] ?? 0) % 50);
    const pieces: Buffer[] = [];
    for (let at = 0; at < input.length; at += step) pieces.push(input.subarray(at, at + step));
    const inPieces = read(pieces);
    checkEqual(inPieces.reader.counters.lines, lines, 'lines in pieces');
    checkEqual(inPieces.reader.counters.malformed, malformed, 'malformed in pieces');
    const flat = (all: readonly RawRecord[]): string =>
      all
        .map(({ type, payload, node }) => `${type} ${node} ${Buffer.from(payload).toString('latin1')}`)
        .join('\n');
    checkEqual(flat(inPieces.records), flat(whole.records), 'records in pieces');
  },
};
