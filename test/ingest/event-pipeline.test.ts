import fc from 'fast-check';
import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';
import type { AuditSettings } from '../../src/flags/audit-settings.ts';
import { EventPipeline } from '../../src/ingest/event-pipeline.ts';
import { eventTablesOn } from '../../tables/index.ts';
import {
  type Bytes,
  execveFields,
  pathFields,
  payload,
  type Stamp,
  type SyscallValues,
  saddrFields,
  sockaddrIn,
  syscallFields,
  untrusted,
} from '../audit/kernel-records.ts';
import { selectedRows } from '../events/selected-rows.ts';
import { EVERYTHING, settingsWith } from '../tables/table-rows.ts';

const SYSCALL = 1300;
const PATH = 1302;
const SOCKADDR = 1306;
const CWD = 1307;
const EXECVE = 1309;
const EOE = 1320;
const PROCTITLE = 1327;
const AVC = 1400;
type RawRecord = readonly [type: number, fields: string];

const TABLES = eventTablesOn('linux');
const ARENA_BYTES = 64 * 1024;

/** A pipeline that is fed as the kernel's stream does it: from an arena that is written again after each batch. */
const feed = (settings: AuditSettings = EVERYTHING) => {
  let now = 0;
  const pipeline = new EventPipeline({
    tables: TABLES,
    settings,
    context: { uptimeAt: () => undefined, imageTimes: () => undefined },
    kindOfTask: () => 'process',
    now: () => now,
  });
  const arena = Buffer.alloc(ARENA_BYTES);
  let used = 0;
  const settle = (): void => {
    pipeline.settle();
    arena.fill('#');
    used = 0;
  };
  const pushBytes = (type: number, bytes: Buffer): void => {
    if (used + bytes.length > arena.length) settle();
    arena.set(bytes, used);
    pipeline.push(type, arena, used, used + bytes.length);
    used += bytes.length;
  };
  return {
    pipeline,
    pushBytes,
    settle,
    push: (records: readonly RawRecord[], stamp?: Stamp): void => {
      for (const [type, fields] of records) pushBytes(type, payload(fields, stamp));
    },
    advance: (milliseconds: number): void => {
      now += milliseconds;
      settle();
    },
    rows: (table: string): PluginRow[] =>
      pipeline
        .take()
        .filter(batch => batch.table === table)
        .flatMap(({ batch }) => selectedRows(TABLES.find(({ spec }) => spec.name === table)!, batch)),
  };
};

const exec = (argv: readonly Bytes[], values: SyscallValues = {}, cwd: Bytes = '/'): RawRecord[] => [
  [SYSCALL, syscallFields({ items: 1, ...values })],
  ...execveFields(argv).map((fields): RawRecord => [EXECVE, fields]),
  [CWD, `cwd=${untrusted(cwd)}`],
  [PATH, pathFields(0, argv[0] ?? '')],
  [PROCTITLE, 'proctitle="echo"'],
  [EOE, ''],
];
const connect: readonly RawRecord[] = [
  [SYSCALL, syscallFields({ syscall: 42, items: 0, a0: '4' })],
  [SOCKADDR, saddrFields(sockaddrIn('192.0.2.1', 443))],
  [PROCTITLE, 'proctitle="x"'],
  [EOE, ''],
];
const NO_LOSS = {
  malformedRecords: 0,
  malformed: 0,
  incomplete: 0,
  unusable: 0,
  unterminated: 0,
  overLimit: 0,
  cutCommandLines: 0,
};

describe('EventPipeline', () => {
  describe('has every exec exactly once, with its exact arguments', () => {
    it.each<[string, string[]]>([
      ['60 arguments', Array.from({ length: 60 }, (_, i) => `a${i}`)],
      ['900 arguments of 66 bytes', Array.from({ length: 900 }, (_, i) => String(i).padEnd(66, 'x'))],
      ['one argument of 90,000 bytes', ['/bin/true', 'x'.repeat(90_000)]],
      ['one of 90,000 bytes in hex', ['/bin/true', 'x y'.repeat(30_000)]],
      ['one of 90,000 bytes between others', ['/bin/true', 'a', '☃'.repeat(30_000), '', 'b']],
      ['empty arguments', ['/bin/true', '', '', '']],
      ['nothing but an empty one', ['']],
      ['quotes', ['/bin/true', 'a"b', 'tail"', '"', '""']],
      ['a trailing backslash', ['/bin/true', 'a\\', 'b']],
      ['newline and tab', ['/bin/true', 'new\nline', 'tab\t']],
      ['UTF-8', ['/bin/true', 'Grüße ☃ 𝄞']],
      [
        'what looks like numbers, hex and no value',
        ['/bin/true', 'DEADBEEF', '1000', '?', '(null)', '(none)'],
      ],
      ['what looks like audit syntax', ['/bin/true', 'a1="x"', 'argc=1', 'audit(1.1:1): ', "msg='x'"]],
    ])('%s', (_, argv) => {
      const { push, rows, pipeline } = feed();
      push(exec(argv));
      const [row, ...others] = rows('process_events');
      expect(others).toEqual([]);
      expect(JSON.parse(row!.argv!)).toEqual(argv);
      expect(row!.cmdline).toBe(argv.join(' '));
      expect(pipeline.counters()).toMatchObject({ events: 1, published: 1, filtered: 0, ...NO_LOSS });
    });

    it('whatever they are', () => {
      const argument = fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 8 }),
        fc.constantFrom('\\', '"', "'", '?', '(null)', 'a1[0]=', 'a0_len=1', ' ', '='),
        fc.integer({ min: 7_000, max: 16_000 }).map(length => '☃ '.repeat(length / 4)),
      );
      fc.assert(
        fc.property(fc.array(argument, { minLength: 1, maxLength: 12 }), list => {
          const argv = list.map(text => text.replaceAll('\0', '').toWellFormed());
          const { push, rows } = feed();
          push(exec(argv));
          expect(rows('process_events').map(row => JSON.parse(row.argv!))).toEqual([argv]);
        }),
        { numRuns: 60 },
      );
    });

    it('60 in a burst, interleaved record by record', () => {
      const { push, rows, pipeline } = feed();
      const events = Array.from({ length: 60 }, (_, i) =>
        exec(['/bin/echo', `number ${i}`], { pid: 1_000 + i }),
      );
      const longest = Math.max(...events.map(({ length }) => length));
      for (let at = 0; at < longest; at++) {
        events.forEach((records, i) => {
          if (at < records.length) push([records[at]!], { seconds: 100, milliseconds: 5, serial: 500 + i });
        });
      }
      const found = rows('process_events');
      expect(found.map(({ pid, cmdline, audit_id }) => [pid, cmdline, audit_id])).toEqual(
        events.map((_, i) => [String(1_000 + i), `/bin/echo number ${i}`, `100.005:${500 + i}`]),
      );
      expect(pipeline.counters()).toMatchObject({ events: 60, ...NO_LOSS });
    });
  });

  it.each([
    ['"/bin/evil"'],
    ['/tmp/my program'],
    ['/tmp/x pid=1 uid=0 exe=/bin/true'],
    ['/tmp/\n\x1b[2J'],
    ['/usr/bin/x (deleted)'],
    ['/tmp/Ünïcödé'],
  ])('shows a program named %j as what it is', name => {
    const { push, rows } = feed();
    push(exec([name], { exe: name, comm: name.slice(0, 15) }, name));
    expect(rows('process_events')).toMatchObject([
      {
        path: name,
        comm: name.slice(0, 15),
        cwd: name,
        argv: JSON.stringify([name]),
        pid: '13993',
        uid: '1',
      },
    ]);
  });

  it('escapes bytes that are not UTF-8 in every column', () => {
    const raw = Buffer.from('caf\xe9', 'latin1');
    const { push, rows } = feed();
    push(exec([raw, Buffer.from([0xff])], { exe: raw, comm: raw }, raw));
    expect(rows('process_events')).toMatchObject([
      { path: 'caf\\xE9', comm: 'caf\\xE9', cwd: 'caf\\xE9', argv: '["caf\\\\xE9","\\\\xFF"]' },
    ]);
  });

  describe('with a record lost', () => {
    const argv = Array.from({ length: 300 }, (_, i) => `argument number ${i}`);
    const whole = exec(argv);
    const lost = whole.map((record, i) => [record, i] as const).filter(([[type]]) => type === EXECVE);

    it.each(lost)('%j: argv and cmdline are NULL, and it is counted', (_, index) => {
      expect(lost.length).toBeGreaterThan(1);
      const { push, rows, pipeline } = feed();
      push(whole.toSpliced(index, 1));
      const [row] = rows('process_events');
      expect(row).toMatchObject({ pid: '13993', path: '/usr/bin/echo', cwd: '/' });
      expect(['argv', 'cmdline', 'cmdline_size'].filter(name => name in row!)).toEqual([]);
      expect(pipeline.counters()).toMatchObject({ ...NO_LOSS, incomplete: 1 });
    });

    it('an address: no row, and it is counted', () => {
      const { push, rows, pipeline } = feed();
      push(connect.toSpliced(1, 1));
      expect(rows('socket_events')).toEqual([]);
      expect(pipeline.counters()).toMatchObject({ ...NO_LOSS, unusable: 1 });
    });

    it('the end: the event comes by age, though nothing else arrives', () => {
      const { push, rows, pipeline, advance } = feed();
      push(exec(['/bin/echo', 'x']).slice(0, -2));
      advance(1_999);
      expect(rows('process_events')).toEqual([]);
      advance(1);
      expect(rows('process_events')).toMatchObject([{ argv: '["/bin/echo","x"]' }]);
      expect(pipeline.counters()).toMatchObject({ ...NO_LOSS, unterminated: 1 });
    });

    it('the end of everything: the events come when the source ends', () => {
      const { push, rows, pipeline } = feed();
      push(exec(['/bin/echo', 'x']).slice(0, -2));
      pipeline.flush();
      expect(rows('process_events')).toHaveLength(1);
    });
  });

  it('never takes arguments from PROCTITLE, which the process can write', () => {
    const { push, rows } = feed();
    push(
      exec(['/bin/echo', 'true']).map(([type, fields]) =>
        type === PROCTITLE ? [type, `proctitle=${untrusted('forged\0title')}`] : [type, fields],
      ),
    );
    expect(rows('process_events')).toMatchObject([{ argv: '["/bin/echo","true"]' }]);
  });

  describe('user messages', () => {
    it.each([
      ['op=x acct="alice" res=success\' pid=1 uid=0 auid=0 ses=1 msg=\'op=y'],
      ['pid=1 uid=0 auid=0 ses=0 exe="/bin/evil" res=success'],
      ["it's a message"],
      ['uid=1000'],
      ["'"],
      [''],
    ])('keep %j for text, and the kernel’s own fields for facts', message => {
      const { push, rows, pipeline } = feed();
      push([[1112, `pid=77 uid=33 auid=1000 ses=3 msg='${message}'`]]);
      expect(rows('user_events')).toMatchObject([
        { pid: '77', uid: '33', auid: '1000', type: '1112', message },
      ]);
      expect(pipeline.counters()).toMatchObject({ events: 1, ...NO_LOSS });
    });
  });

  describe('bad records', () => {
    it('are counted, and harm no other event', () => {
      const { push, pushBytes, rows, pipeline } = feed();
      const good = exec(['/bin/echo', 'x']);
      push(good.slice(0, 2));
      for (const bad of ['', 'garbage', 'audit(', 'audit(1.1:1', '\0\0\0\0', 'audit(x.y:z): a=b']) {
        pushBytes(SYSCALL, Buffer.from(bad));
      }
      push(good.slice(2));
      expect(rows('process_events')).toHaveLength(1);
      expect(pipeline.counters()).toMatchObject({
        ...NO_LOSS,
        malformedRecords: 6,
        records: good.length + 6,
      });
    });

    it('of any bytes throw nothing', () => {
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 80 }).map(list => Buffer.from(list)),
        fc
          .tuple(
            fc.nat(3),
            fc.array(
              fc.oneof(
                fc.constantFrom(
                  'arch=c000003e',
                  'syscall=59',
                  'syscall=42',
                  'success=yes',
                  'exit=0',
                  'a0=3',
                  'pid=1',
                ),
                fc.constantFrom(
                  'argc=2',
                  'a1="',
                  "msg='",
                  'saddr=0200',
                  'saddr=02',
                  'cwd=',
                  'item=0',
                  'auid=1 uid=1',
                ),
                fc.constantFrom('gid=1 euid=1 egid=1', '=', '"', "'"),
                fc.string({ maxLength: 5 }),
              ),
              { maxLength: 12 },
            ),
          )
          .map(([serial, words]) => payload(words.join(' '), { seconds: 1, milliseconds: 1, serial })),
      );
      const type = fc.constantFrom(
        SYSCALL,
        EXECVE,
        CWD,
        PATH,
        SOCKADDR,
        EOE,
        PROCTITLE,
        1100,
        1006,
        1400,
        1304,
      );
      fc.assert(
        fc.property(fc.array(fc.tuple(type, bytes), { maxLength: 40 }), records => {
          const { pushBytes, pipeline } = feed();
          for (const [kind, list] of records) pushBytes(kind, list);
          pipeline.flush();
          const { records: seen, malformedRecords } = pipeline.counters();
          expect(seen).toBe(records.length);
          expect(malformedRecords).toBeLessThanOrEqual(seen);
          for (const { batch } of pipeline.take())
            decodeRows({ count: batch.ends.length, chunks: [batch.bytes] });
        }),
        { numRuns: 200, examples: [[[[1400, Buffer.from('audit(1.001:0): a1=" msg=\'')]]]] },
      );
    });

    it('cut at any byte make the same rows as they are, or fewer, and no other event', () => {
      const records = [...exec(['/bin/echo', 'two words']), ...connect];
      for (const index of [0, 1, 2, 3, 6, 7]) {
        const [type, fields] = records[index]!;
        const bytes = payload(fields);
        for (let end = 0; end < bytes.length; end += 3) {
          const { push, pushBytes, pipeline } = feed();
          const stamp = { seconds: 9, milliseconds: 9, serial: 9 };
          pushBytes(type, bytes.subarray(0, end));
          push(exec(['/bin/true', 'untouched']), stamp);
          pipeline.flush();
          const rows = pipeline
            .take()
            .flatMap(({ table, batch }) =>
              selectedRows(TABLES.find(({ spec }) => spec.name === table)!, batch),
            );
          expect(rows.filter(row => row.audit_id === '9.009:9')).toMatchObject([
            { argv: '["/bin/true","untouched"]' },
          ]);
          expect(rows.length).toBeLessThanOrEqual(2);
        }
      }
    });
  });

  describe('of too much keeps no more than its limits, counts the rest, and makes the other rows', () => {
    const other = (feeding: ReturnType<typeof feed>): PluginRow[] => {
      feeding.push(exec(['/bin/true', 'other']), { seconds: 7, milliseconds: 7, serial: 7 });
      return feeding.rows('process_events').filter(row => row.audit_id === '7.007:7');
    };
    const OTHER = [{ cmdline: '/bin/true other' }];

    it('an event with 100,000 records', () => {
      const feeding = feed();
      const { push, pipeline } = feeding;
      const [syscall, ...rest] = exec(['/bin/true']);
      push([syscall!]);
      for (let i = 0; i < 100_000; i++) push([[PATH, pathFields(i, `/file ${i}`)]]);
      expect(other(feeding)).toMatchObject(OTHER);
      push(rest);
      // Its own PATH and CWD came too late.
      expect(feeding.rows('process_events')).toMatchObject([{ path: '/usr/bin/echo', syscall: 'execve' }]);
      const { eventRecords } = EVERYTHING.limits;
      expect(pipeline.counters()).toMatchObject({
        overLimit: 1 + 100_000 + 2 - eventRecords,
        incomplete: 1,
        published: 2,
      });
    });

    it('40,000 events that never end', () => {
      const feeding = feed();
      const { push, pipeline } = feeding;
      const begun: RawRecord = [SYSCALL, syscallFields({ items: 0 })];
      for (let serial = 1000; serial < 41_000; serial++) {
        push([begun], { seconds: 1, milliseconds: 1, serial });
      }
      expect(other(feeding)).toMatchObject(OTHER);
      expect(pipeline.counters().unterminated).toBe(1 + 40_000 - EVERYTHING.limits.eventsInFlight);
      feeding.advance(EVERYTHING.limits.incompleteMilliseconds);
      expect(pipeline.counters()).toMatchObject({ unterminated: 40_000, incomplete: 40_000 });
    });

    it('500 unfinished events of 100 KB: the oldest end first', () => {
      const feeding = feed();
      const argument = 'x'.repeat(100_000);
      const stamp = { seconds: 1, milliseconds: 1, serial: 1000 };
      const records = exec([argument])
        .slice(0, -4)
        .map(([type, fields]) => [type, payload(fields, stamp)] as const);
      for (let serial = 1000; serial < 1_500; serial++) {
        for (const [type, bytes] of records) {
          bytes.write(`${serial}`, 'audit(1.001:'.length);
          feeding.pushBytes(type, bytes);
        }
      }
      expect(other(feeding)).toMatchObject(OTHER);
      // Of an argument that needs several records the text is kept, in memory that doubles.
      const kept = EVERYTHING.limits.inFlightBytes / 131_072;
      const { unterminated } = feeding.pipeline.counters();
      expect(500 - unterminated).toBeGreaterThan(0.9 * kept);
      expect(500 - unterminated).toBeLessThanOrEqual(kept);
    });

    it('a command line of 30 MB', () => {
      const feeding = feed();
      feeding.push(exec(['/bin/echo', 'x'.repeat(30 << 20)]));
      const [row] = feeding.rows('process_events');
      expect(row).toMatchObject({ path: '/usr/bin/echo', syscall: 'execve' });
      expect(row!.cmdline).toMatch(/^\/bin\/echo x+…\[cut\]$/);
      expect(row!.cmdline_size).toBe(String('/bin/echo '.length + (30 << 20)));
      expect(other(feeding)).toMatchObject(OTHER);
      expect(feeding.pipeline.counters()).toMatchObject({ overLimit: 0, cutCommandLines: 1, published: 2 });
    });

    it('a command line of 6 MB, the longest that the kernel lets through, is whole where a row may be as long', () => {
      const feeding = feed({ ...EVERYTHING, limits: { ...EVERYTHING.limits, rowBytes: 8 << 20 } });
      const words = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(1 << 20));
      feeding.push(exec(['/bin/echo', ...words]));
      const [row] = feeding.rows('process_events');
      expect(row!.cmdline === `/bin/echo ${words.join(' ')}`).toBe(true);
      expect(feeding.pipeline.counters()).toMatchObject({ overLimit: 0, incomplete: 0, cutCommandLines: 0 });
    });

    it('a command line of 300,000 empty arguments is cut like any other', () => {
      const feeding = feed();
      feeding.push(exec(['/bin/echo', ...Array.from({ length: 300_000 }, () => '')]));
      const [row] = feeding.rows('process_events');
      const argv = JSON.parse(row!.argv!) as string[];
      expect(argv.length).toBeGreaterThan(50_000);
      expect(argv.length).toBeLessThan(100_000);
      expect(argv.at(-1)).toBe('…[cut]');
      expect(row!.cmdline_size).toBe(String('/bin/echo'.length + 300_000));
      expect(feeding.pipeline.counters()).toMatchObject({ incomplete: 0, cutCommandLines: 1 });
    });

    it('a command line is cut, marked and counted where a row may not be as long', () => {
      const feeding = feed();
      const words = Array.from({ length: 47 }, (_, i) => `${i % 10}`.repeat(130_000));
      feeding.push(exec(['/bin/echo', ...words]));
      const [row] = feeding.rows('process_events');
      expect(row!.cmdline).toMatch(/^\/bin\/echo 0{130000} 1+…\[cut\]$/);
      expect(row!.cmdline_size).toBe(String(Buffer.byteLength(`/bin/echo ${words.join(' ')}`)));
      expect((JSON.parse(row!.argv!) as string[]).join(' ')).toBe(row!.cmdline);
      const bytes = Object.entries(row!).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      expect(bytes).toBeLessThan(2 * 262_144);
      expect(feeding.pipeline.counters()).toMatchObject({ cutCommandLines: 1, overLimit: 0 });
    });
  });

  it('counts every group of records once, whatever becomes of it', () => {
    const record = fc.constantFrom<RawRecord>(
      ...exec(['/bin/echo', 'a b']),
      ...connect,
      [AVC, 'avc:  denied'],
      [SYSCALL, 'arch=c000003e'],
      [SYSCALL, syscallFields({ success: 'no', exit: -2 })],
      [SYSCALL, syscallFields({ syscall: 3 })],
    );
    fc.assert(
      fc.property(fc.array(fc.array(record, { minLength: 1, maxLength: 6 }), { maxLength: 20 }), events => {
        const { push, pipeline } = feed();
        let groups = 0;
        events.forEach((records, serial) => {
          // An end alone is the end of nothing.
          const kept = records.filter(([type]) => type !== EOE && type !== PROCTITLE);
          // Each report is one by itself.
          const reports = kept.filter(([type]) => type === AVC).length;
          groups += reports + (kept.length > reports ? 1 : 0);
          push([...kept, [EOE, '']], { seconds: 1, milliseconds: 1, serial });
        });
        const { published, filtered, malformed, unusable, unencodable } = pipeline.counters();
        expect(published + filtered + malformed + unusable + unencodable).toBe(groups);
      }),
    );
  });

  it('keeps the limits of its settings', () => {
    const { push, pipeline } = feed({
      ...EVERYTHING,
      limits: { ...EVERYTHING.limits, eventRecords: 16, eventsInFlight: 2 },
    });
    push(Array.from({ length: 20 }, (): RawRecord => [PATH, 'item=0']));
    for (const serial of [1, 2]) push([[SYSCALL, syscallFields()]], { seconds: 1, milliseconds: 1, serial });
    expect(pipeline.counters()).toMatchObject({ overLimit: 4 });
    pipeline.flush();
    expect(pipeline.counters()).toMatchObject({ unterminated: 2 });
  });

  it('follows a change of settings from one event to the next', () => {
    const { push, rows, pipeline } = feed(settingsWith({ process_events: false }));
    push(exec(['/bin/echo', 'before']));
    push(connect, { seconds: 1, milliseconds: 1, serial: 1 });
    pipeline.setSettings(settingsWith({ sockets: true }));
    push(exec(['/bin/echo', 'after']));
    push(connect, { seconds: 1, milliseconds: 1, serial: 2 });
    const batches = pipeline.take().map(({ table, batch }) => [table, batch.ends.length]);
    expect(batches).toEqual([
      ['process_events', 1],
      ['socket_events', 1],
    ]);
    expect(rows('process_events')).toEqual([]);
    expect(pipeline.counters()).toMatchObject({ published: 2, filtered: 2 });
  });
});
