import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replayLogs } from '../../replay-rows.ts';
import { type LoggedRecord, recordsOfLog, transports } from './transports.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const fixtures = new URL('../../../fixtures/', import.meta.url).pathname;
const names = readdirSync(fixtures)
  .filter(file => file.endsWith('.log'))
  .map(file => file.slice(0, -'.log'.length));
/**
 * Of io_uring some operations make one event only in the order of time. Whether a send has an address nothing tells but the record of it,
 * which must come before the event's end.
 */
const orderless = names.filter(name => name !== 'connect-io-uring' && name !== 'connect-i386');
/** What a descriptor or an inode stands for is known from events before: where these come later, paths are partial. */
const ofEarlierEvents = new Set(['files', 'files-io-uring']);
const logOf = (name: string): string => readFileSync(`${fixtures}${name}.log`, 'latin1');
let number = 0;
/** Rows without their numbers: these are given in the order in which events end. */
const rowsOf = async (content: Buffer, drop: readonly string[] = []) => {
  const path = join(directory, `log-${++number}`);
  writeFileSync(path, content);
  const { rows, counters } = await replayLogs([path]);
  rmSync(path);
  const plain = Object.fromEntries(
    Object.entries(rows).map(([table, of]) => [
      table,
      of
        .map(row =>
          JSON.stringify(
            Object.entries(row)
              .filter(([key]) => key !== 'eid' && !drop.includes(key))
              .toSorted(),
          ),
        )
        .toSorted(),
    ]),
  );
  return { rows: plain, counters };
};
const plain = transports["auditd's log"]!.write;
const raw = (log: string): Buffer => Buffer.from(log, 'latin1');
const asItIs = new Map<string, ReturnType<typeof rowsOf>>();
/** Of the log as it stands in its file. */
const rowsOfLog = (name: string, drop: readonly string[] = []): ReturnType<typeof rowsOf> => {
  const key = [name, ...drop].join(' ');
  const rows = asItIs.get(key) ?? rowsOf(raw(logOf(name)), drop);
  asItIs.set(key, rows);
  return rows;
};

describe('the same rows come of', () => {
  test.each(names)('%s in any transport', async name => {
    const log = logOf(name);
    const records = recordsOfLog(log);
    for (const [transport, { write, losesAdded = false }] of Object.entries(transports)) {
      const isText =
        Buffer.from(Buffer.from(log, 'latin1').toString('utf8'), 'utf8').toString('latin1') === log;
      if (!isText && /UTF-16|docker|go-audit/.test(transport)) continue;
      const dropped = losesAdded ? ['node'] : [];
      const expected = await rowsOfLog(name, dropped);
      const carried = await rowsOf(write(records), dropped);
      expect(carried.rows, transport).toEqual(expected.rows);
      expect(carried.counters.malformed, transport).toBe(0);
    }
  });

  test.each(names)('%s with every line doubled, said twice, and printed last to first', async name => {
    const log = logOf(name);
    const expected = await rowsOfLog(name);
    const lines = log.split('\n').filter(line => line !== '');
    const doubled = await rowsOf(raw(`${lines.flatMap(line => [line, line]).join('\n')}\n`));
    expect(doubled.rows).toEqual(expected.rows);
    const twice = await rowsOf(raw(log + log));
    expect(twice.rows).toEqual(expected.rows);
    if (Object.values(expected.rows).some(rows => rows.length > 0))
      expect(twice.counters.repeated).toBeGreaterThan(0);
    if (ofEarlierEvents.has(name)) return;
    expect((await rowsOf(raw(`${lines.toReversed().join('\n')}\n`))).rows).toEqual(expected.rows);
    expect((await rowsOf(raw(`${lines.toSorted().join('\n')}\n`))).rows).toEqual(expected.rows);
    expect((await rowsOf(raw(`${lines.toSorted().toReversed().join('\n')}\n`))).rows).toEqual(expected.rows);
  });

  test.each(orderless.filter(name => !ofEarlierEvents.has(name)))(
    '%s with its records in any order',
    async name => {
      const records = recordsOfLog(logOf(name));
      const expected = await rowsOf(plain(records));
      const shuffled = fc.shuffledSubarray([...records], { minLength: records.length });
      await fc.assert(
        fc.asyncProperty(shuffled, async some => {
          expect((await rowsOf(plain(some))).rows).toEqual(expected.rows);
        }),
        { numRuns: 4 },
      );
    },
  );

  test('logs cut anywhere into files', async () => {
    const log = logOf('auditd-raw');
    const expected = await rowsOf(raw(log));
    const lines = log.split('\n');
    for (let cut = 1; cut < lines.length; cut += 7) {
      const [first, second] = ['audit.log.1', 'audit.log'].map(name => join(directory, name));
      writeFileSync(first!, raw(`${lines.slice(0, cut).join('\n')}\n`));
      writeFileSync(second!, raw(lines.slice(cut).join('\n')));
      const { rows } = await replayLogs([second!, first!]);
      expect(rows.process_events!.length).toBe(expected.rows.process_events!.length);
      expect(rows.user_events!.length).toBe(expected.rows.user_events!.length);
      rmSync(first!);
      rmSync(second!);
    }
  });
});

describe('a log cut at any byte', () => {
  const whole = recordsOfLog(logOf('exec')).slice(0, 8);
  const withMessage: LoggedRecord[] = [
    ...whole,
    {
      ...whole[0]!,
      type: 1106,
      name: 'USER_END',
      stamp: whole[0]!.stamp.replace(/\d+$/, '99'),
      fields: `pid=1 uid=0 auid=1000 ses=3 msg='op=PAM:session_close acct="root" exe="/usr/bin/su" hostname=h addr=192.0.2.1 terminal=pts/0 res=success'`,
    },
  ];

  test('has no value that it does not have whole, and loses nothing uncounted', async () => {
    const log = plain(withMessage);
    const { rows } = await replayLogsOf(log);
    const known = new Map(
      Object.entries(rows).map(([table, of]) => [
        table,
        new Set(Object.entries(of[0] ?? {}).map(([key, value]) => `${key}=${value}`)),
      ]),
    );
    // What is cut before its first header is no log.
    for (let end = 30; end < log.length; end++) {
      const cut = await replayLogsOf(log.subarray(0, end));
      let isLess = false;
      for (const [table, of] of Object.entries(cut.rows)) {
        // Of a line that is not there at all nothing can tell.
        const hasBegun = table !== 'user_events' || end > log.indexOf('type=USER_END');
        isLess ||= hasBegun && of.length < rows[table]!.length;
        for (const row of of) {
          const { cmdline_size: _, ...values } = row;
          isLess ||= Object.keys(row).length < known.get(table)!.size;
          const made = Object.entries(values).map(([key, value]) => `${key}=${value}`);
          const notWhole = made.filter(value => !known.get(table)!.has(value));
          if (notWhole.length > 0) expect(notWhole, `cut at ${end}`).toEqual([]);
        }
      }
      const { malformed, incomplete, unusable, unterminated } = cut.counters;
      const endsLine = log[end - 1] === 0x0a || log[end] === 0x0a;
      const isAtStart = /(?:^|\n)$/.test(log.toString('latin1', 0, end));
      if (isLess && !endsLine && !isAtStart)
        expect(malformed + incomplete + unusable + unterminated, `cut at ${end}`).toBeGreaterThan(0);
    }
  });

  test('in one of its lines has no value that it does not have whole, and loses nothing uncounted', async () => {
    const lines = plain(withMessage).toString('latin1').trimEnd().split('\n');
    const { rows } = await replayLogsOf(raw(`${lines.join('\n')}\n`));
    const valuesOf = (row: object): string[] =>
      Object.entries(row)
        .filter(([column]) => column !== 'cmdline_size' && column !== 'eid')
        .map(([column, value]) => `${column}=${value}`);
    const known = new Set(Object.values(rows).flatMap(of => of.flatMap(valuesOf)));
    const count = [...Object.values(rows)].flat().flatMap(valuesOf).length;
    for (const [at, line] of lines.entries()) {
      // The others say nothing that a row has; a second PATH is read as the first.
      if (!/type=(?:SYSCALL|EXECVE|CWD|USER_END) |item=0 /.test(line)) continue;
      // Before its header is whole nothing tells what it was.
      for (let end = line.indexOf('): ') + 3; end < line.length; end++) {
        const some = lines.with(at, line.slice(0, end));
        const cut = await replayLogsOf(raw(`${some.join('\n')}\n`));
        const values = Object.values(cut.rows).flatMap(of => of.flatMap(valuesOf));
        expect(
          values.filter(value => !known.has(value)),
          `line ${at + 1} cut at ${end}`,
        ).toEqual([]);
        const { malformed, incomplete, unusable, unterminated } = cut.counters;
        if (values.length < count)
          expect(
            malformed + incomplete + unusable + unterminated,
            `line ${at + 1} cut at ${end}`,
          ).toBeGreaterThan(0);
      }
    }
  });

  const replayLogsOf = async (content: Buffer) => {
    const path = join(directory, 'cut');
    writeFileSync(path, content);
    return replayLogs([path]);
  };
});
