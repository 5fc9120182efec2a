import { recordTypeNumbers } from '../../../src/ingest/replay/record-types.ts';

/** One record as a log has it. */
export interface LoggedRecord {
  readonly type: number;
  readonly name: string;
  /** SECONDS.MILLISECONDS:SERIAL */
  readonly stamp: string;
  /** Behind the header; latin1. */
  readonly fields: string;
  /** With its 0x1D; latin1. */
  readonly interpreted: string;
  readonly node: string;
}

const names = new Map<number, string>(Object.entries(recordTypeNumbers).map(([name, type]) => [type, name]));

/** The records of a log in the forms `type=NAME msg=audit(…): …` and `NUMBER audit(…): …`. */
export const recordsOfLog = (log: string): LoggedRecord[] =>
  log.split('\n').flatMap(line => {
    const found =
      /^(?:node=(\S+) )?(?:type=(\S+) msg=|(\d+) )audit\((\d+\.\d+:\d+)\): ?([^\x1d]*)(\x1d.*)?$/.exec(line);
    if (found === null) return [];
    const [, node = '', name, number, stamp, fields, interpreted = ''] = found;
    const bracket = /\[(\d+)\]/.exec(name ?? '')?.[1];
    const type = Number(number ?? bracket ?? recordTypeNumbers[name as keyof typeof recordTypeNumbers]);
    return [
      {
        type,
        name: names.get(type) ?? `UNKNOWN[${type}]`,
        stamp: stamp!,
        fields: fields!,
        interpreted,
        node,
      },
    ];
  });

const node = ({ node }: LoggedRecord): string => (node === '' ? '' : `node=${node} `);
const plain = (record: LoggedRecord): string =>
  `${node(record)}type=${record.name} msg=audit(${record.stamp}): ${record.fields}${record.interpreted}`;
const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
const isUtf8 = (latin1: string): boolean => Buffer.from(utf8(latin1), 'utf8').toString('latin1') === latin1;
const lines = (write: (record: LoggedRecord) => string) => (records: readonly LoggedRecord[]) =>
  Buffer.from(records.map(record => `${write(record)}\n`).join(''), 'latin1');
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const journalEntry = (record: LoggedRecord): Record<string, unknown> => {
  const [, seconds, milliseconds, serial] = /^(\d+)\.(\d+):(\d+)$/.exec(record.stamp)!;
  const text = `${record.name.startsWith('UNKNOWN') ? `<audit-${record.type}>` : record.name} ${record.fields}`;
  return {
    __CURSOR: 's=1',
    __REALTIME_TIMESTAMP: '1700000000000000',
    _BOOT_ID: 'b',
    _TRANSPORT: 'audit',
    _AUDIT_TYPE: String(record.type),
    _AUDIT_ID: serial,
    _SOURCE_REALTIME_TIMESTAMP: `${seconds}${milliseconds}000`,
    MESSAGE: isUtf8(text) ? utf8(text) : [...Buffer.from(text, 'latin1')],
  };
};

const exported = (record: LoggedRecord): Buffer => {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(journalEntry(record))) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as number[]);
    if (bytes.every(byte => byte >= 0x20 && byte < 0x7f)) {
      parts.push(Buffer.from(`${name}=`), bytes, Buffer.from('\n'));
    } else {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n'));
    }
  }
  return Buffer.concat([...parts, Buffer.from('\n')]);
};

/** What records are carried in; the ones that lose what auditd added say so. */
export const transports: Readonly<
  Record<
    string,
    { readonly write: (records: readonly LoggedRecord[]) => Buffer; readonly losesAdded?: boolean }
  >
> = {
  "auditd's log": { write: lines(plain) },
  CRLF: { write: lines(record => `${plain(record)}\r`) },
  'a byte order mark': { write: records => Buffer.concat([Buffer.from('\ufeff'), lines(plain)(records)]) },
  syslog: { write: lines(record => `Nov 30 13:00:00 web1 audispd: ${plain(record)}`) },
  'rsyslog, which escapes control characters': {
    write: lines(
      record => `<13>Nov 30 13:00:00 web1 audisp-syslog[77]: ${plain(record).replace('\x1d', '#035')}`,
    ),
  },
  'RFC 5424': {
    write: lines(
      record => `<13>1 2026-11-30T13:00:00.123456+01:00 web1 audispd 77 - [a b="c"] ${plain(record)}`,
    ),
  },
  'ISO times': { write: lines(record => `2026-11-30T13:00:00.123456+01:00 web1 audispd: ${plain(record)}`) },
  'the kernel log': {
    write: lines(
      ({ type, stamp, fields }) => `[   12.345678] audit: type=${type} audit(${stamp}): ${fields}`,
    ),
    losesAdded: true,
  },
  "journalctl's short form of the kernel log": {
    write: lines(
      ({ type, stamp, fields }) =>
        `Nov 30 13:00:00 web1 kernel: audit: type=${type} audit(${stamp}): ${fields}`,
    ),
    losesAdded: true,
  },
  'the journal as JSON': {
    write: records =>
      Buffer.from(records.map(record => `${JSON.stringify(journalEntry(record))}\n`).join('')),
    losesAdded: true,
  },
  'the journal exported': { write: records => Buffer.concat(records.map(exported)), losesAdded: true },
  "docker's JSON lines": {
    write: records =>
      Buffer.from(
        records
          .map(
            record =>
              `${JSON.stringify({ log: `${latin1(utf8(plain(record)))}\n`, stream: 'stdout', time: '2026' })}\n`,
          )
          .join(''),
      ),
  },
  'go-audit': {
    write: records =>
      Buffer.from(
        records
          .map(({ type, stamp, fields }) => {
            const [timestamp, sequence] = stamp.split(':');
            return `${JSON.stringify({ sequence: Number(sequence), timestamp, messages: [{ type, data: utf8(fields) }], uid_map: {} })}\n`;
          })
          .join(''),
      ),
    losesAdded: true,
  },
  ausearch: { write: lines(record => `----\ntime->Mon Nov 30 13:00:00 2026\n${plain(record)}`) },
  'UTF-16': {
    write: records => Buffer.from(`\ufeff${lines(plain)(records).toString('utf8')}`, 'utf16le'),
  },
};
