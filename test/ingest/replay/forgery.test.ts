import { describe, expect, it } from 'vitest';
import { LogGrouper } from '../../../src/ingest/replay/log-grouper.ts';
import { LogReader } from '../../../src/ingest/replay/log-reader.ts';
import { execveFields, pathFields, payload, syscallFields, untrusted } from '../../audit/kernel-records.ts';
import { allRows, type TableRow } from '../../fuzz/all-rows.ts';
import { everyTablePipeline } from '../../fuzz/every-table-pipeline.ts';

const HOSTILE = [
  'line\nbreak',
  'type=SYSCALL msg=audit(1.001:1): arch=c000003e',
  '\n1300 audit(1.001:1): arch=c000003e syscall=59 success=yes exit=0',
  'a\x1dUID="root"',
  '" exe="/bin/evil" key="',
  "it's",
  ' (deleted)',
  'node=evil ',
  '----',
  '(null)',
];

type RawRecord = readonly [type: number, name: string, fields: string, interpreted: string];

/** An exec of which everything is `text`, and a message of a program that has it, but on one line. */
const recordsOf = (text: string): RawRecord[] => {
  const message = text.replaceAll('\n', ' ');
  return [
    [
      1300,
      'SYSCALL',
      syscallFields({ comm: text.slice(0, 15), exe: `/${text}`, key: text, items: 1 }),
      'ARCH=x86_64 SYSCALL=execve AUID="root"',
    ],
    ...execveFields([text, text]).map((fields): RawRecord => [1309, 'EXECVE', fields, '']),
    [1307, 'CWD', `cwd=${untrusted(`/${text}`)}`, ''],
    [1302, 'PATH', pathFields(0, text), 'OUID="root" OGID="root"'],
    [1327, 'PROCTITLE', `proctitle=${untrusted(text)}`, ''],
    [1100, 'USER_AUTH', `pid=7 uid=8 auid=9 ses=10 msg='${message}'`, 'UID="root" AUID="unset"'],
  ];
};

const FORMS: readonly (readonly [string, (record: RawRecord) => string])[] = [
  ['a stream written down raw', ([type, , fields]) => `${type} ${payload(fields).toString('latin1')}`],
  ["auditd's raw log", ([, name, fields]) => `type=${name} msg=${payload(fields).toString('latin1')}`],
  [
    "auditd's enriched log",
    ([, name, fields, interpreted]) =>
      `node=web1 type=${name} msg=${payload(fields).toString('latin1')}\x1d${interpreted}`,
  ],
];

const replay = (lines: readonly string[]): { rows: TableRow[]; malformed: number } => {
  const pipeline = everyTablePipeline();
  const grouper = new LogGrouper(group => pipeline.publishGroup(group));
  const reader = new LogReader(grouper.push);
  reader.push(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
  grouper.flush(Number.POSITIVE_INFINITY);
  return { rows: allRows(pipeline.take()), malformed: reader.counters.malformed };
};

describe.each(FORMS)('%s', (_, write) => {
  it.each(HOSTILE.map(text => [text] as const))('keeps %j in its own fields', text => {
    const { rows, malformed } = replay(recordsOf(text).map(write));
    expect(malformed).toBe(0);
    expect(rows).toHaveLength(2);
    expect(rows.find(({ table }) => table === 'process_events')?.values).toMatchObject({
      pid: '13993',
      auid: '1000',
      comm: text.slice(0, 15),
      exe: `/${text}`,
      path: `/${text}`,
      cwd: `/${text}`,
      argv: JSON.stringify([text, text]),
    });
    expect(rows.find(({ table }) => table === 'user_events')?.values).toMatchObject({
      type: '1100',
      pid: '7',
      uid: '8',
      auid: '9',
      message: text.replaceAll('\n', ' '),
    });
  });
});
