import { describe, expect, test } from 'vitest';
import { CoreDatabase } from '../../../src/core/database.ts';
import type { QueryRows } from '../../../src/core/embedded-core.ts';
import type { ScheduledQuery } from '../../../src/core/schedule/schedule.ts';
import { ScheduleLock } from '../../../src/core/schedule/schedule-lock.ts';
import { type Clock, Scheduler, type SchedulerOptions } from '../../../src/core/schedule/scheduler.ts';

const START = Date.UTC(2023, 10, 23, 22, 11, 0);

/** A clock that goes only when somebody sleeps or works, and ends everything after so many seconds. */
const steppedClock = (seconds: number) => {
  let now = START;
  const stop = new AbortController();
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    if (now >= START + seconds * 1000) stop.abort();
  };
  const clock: Clock = { now: () => now, sleep: async milliseconds => pass(milliseconds) };
  return { clock, pass, signal: stop.signal };
};

const query = (name: string, more: Partial<ScheduledQuery> = {}): ScheduledQuery => ({
  name,
  pack: 'main',
  query: `SELECT ${name}`,
  interval: 2,
  splayedInterval: 2,
  snapshot: false,
  removed: true,
  discovery: [],
  ...more,
});

const setUp = (
  seconds: number,
  schedule: ScheduledQuery[],
  answer: (sql: string) => QueryRows | Promise<QueryRows>,
  more: Partial<SchedulerOptions> = {},
) => {
  const stepped = steppedClock(seconds);
  const database = new CoreDatabase();
  const lines: { category: string; line: Record<string, unknown> }[] = [];
  const log: string[] = [];
  const asked: { sql: string; at: number; executing: string | undefined }[] = [];
  const scheduler = new Scheduler({
    schedule: () => schedule,
    query: async sql => {
      asked.push({
        sql,
        at: (stepped.clock.now() - START) / 1000,
        executing: database.get('configurations', 'executing_query'),
      });
      return answer(sql);
    },
    lock: new ScheduleLock(),
    database,
    results: {
      write: async (category, written) => {
        for (const line of written) lines.push({ category, line: JSON.parse(line) });
      },
    },
    log: (level, message) => {
      if (level !== 'verbose') log.push(`${level}: ${message}`);
    },
    clock: stepped.clock,
    hostIdentifier: () => 'here',
    eventsOptimize: () => true,
    numericMonitoring: () => false,
    epoch: () => 0,
    maxDriftSeconds: () => 60,
    packRefreshSeconds: () => 3600,
    ...more,
  });
  return { ...stepped, scheduler, database, lines, log, asked };
};

const found = (rows: QueryRows['rows'], eventBased = false): QueryRows => ({ rows, eventBased });

describe('Scheduler', () => {
  test('holds the lock of the schedule for all queries of a second, and not between', async () => {
    const lock = new ScheduleLock();
    const walked: string[] = [];
    const walk = (): void =>
      void lock.walk(false, AbortSignal.timeout(10_000)).then(() => walked.push('other'));
    const run = setUp(
      1,
      [query('a'), query('b')],
      async sql => {
        if (sql.endsWith('a')) walk();
        await lock.walk(true, AbortSignal.timeout(10_000));
        walked.push(sql);
        return found([]);
      },
      { lock },
    );
    await run.scheduler.run(run.signal);
    await expect.poll(() => walked).toEqual(['SELECT a', 'SELECT b', 'other']);
    walk();
    await expect.poll(() => walked.length).toBe(4);
  });

  test('runs queries when the time is a multiple of their interval, each under its name', async () => {
    const { scheduler, signal, asked, database } = setUp(
      7,
      [query('a'), query('b', { splayedInterval: 3 })],
      () => found([]),
    );
    await scheduler.run(signal);
    expect(asked.map(({ sql, at }) => `${at} ${sql}`)).toEqual([
      '0 SELECT a',
      '0 SELECT b',
      '2 SELECT a',
      '3 SELECT b',
      '4 SELECT a',
      '6 SELECT a',
      '6 SELECT b',
    ]);
    expect(new Set(asked.map(({ executing }) => executing))).toEqual(new Set(['a', 'b']));
    expect(database.get('configurations', 'executing_query')).toBe('');
    expect(database.get('configurations', 'timestamp.b')).toBe(String(START / 1000 + 6));
  });

  test('writes the lines osquery writes', async () => {
    let run = 0;
    const { scheduler, signal, lines } = setUp(4, [query('q')], () => {
      run += 1;
      return found(run === 1 ? [{ b: '1', a: 'x\u0001\ny ü' }] : [{ b: '2', a: '' }]);
    });
    await scheduler.run(signal);
    const common = {
      name: 'q',
      hostIdentifier: 'here',
      calendarTime: 'Thu Nov 23 22:11:00 2023 UTC',
      unixTime: START / 1000,
      epoch: 0,
      counter: 0,
      numerics: false,
    };
    const later = {
      ...common,
      calendarTime: 'Thu Nov 23 22:11:02 2023 UTC',
      unixTime: START / 1000 + 2,
      counter: 1,
    };
    expect(lines.map(({ line }) => line)).toEqual([
      { ...common, columns: { a: 'x\\x01\\x0Ay ü', b: '1' }, action: 'added' },
      { ...later, columns: { a: 'x\\x01\\x0Ay ü', b: '1' }, action: 'removed' },
      { ...later, columns: { a: '', b: '2' }, action: 'added' },
    ]);
    expect(Object.keys(lines[0]!.line)).toEqual([...Object.keys(common), 'columns', 'action']);
  });

  test('appends what event tables give, unless events_optimize is off', async () => {
    for (const optimize of [true, false]) {
      const { scheduler, signal, lines } = setUp(4, [query('e')], () => found([{ v: '1' }], true), {
        eventsOptimize: () => optimize,
      });
      await scheduler.run(signal);
      expect(lines.map(({ line }) => [line.action, line.counter])).toEqual(
        optimize
          ? [
              ['added', 1],
              ['added', 2],
            ]
          : [['added', 0]],
      );
    }
  });

  test('writes snapshots whole and leaves out removals that nobody wants', async () => {
    let run = 0;
    const { scheduler, signal, lines } = setUp(
      4,
      [query('s', { snapshot: true, splayedInterval: 4 }), query('r', { removed: false })],
      sql => {
        run += 1;
        return sql === 'SELECT s' ? found([{ b: '1', a: '2' }]) : found([{ run: String(run) }]);
      },
    );
    await scheduler.run(signal);
    expect(lines.map(({ category, line }) => [category, line.action])).toEqual([
      ['snapshot', 'snapshot'],
      ['event', 'added'],
      ['event', 'added'],
    ]);
    expect(lines[0]!.line).toMatchObject({ snapshot: [{ a: '2', b: '1' }], name: 's' });
  });

  test('goes on after a query that fails, and tells', async () => {
    const { scheduler, signal, lines, log, database } = setUp(2, [query('bad'), query('good')], sql => {
      if (sql === 'SELECT bad') throw new Error('no such table: bad');
      return found([{ v: '1' }]);
    });
    await scheduler.run(signal);
    expect(log).toEqual(['error: Error executing scheduled query bad: no such table: bad']);
    expect(lines).toHaveLength(1);
    expect(database.get('queries', 'bad')).toBeUndefined();
  });

  test('makes up for a slow query, but not for ever', async () => {
    for (const [limit, expected] of [
      // Each second has its turn, late ones at once; or those lost are left out.
      [60, [0, 5, 5, 5, 5, 5, 6]],
      [0, [0, 5, 6]],
    ] as const) {
      let slow = true;
      const fixture = setUp(
        7,
        [query('q', { splayedInterval: 1 })],
        () => {
          if (slow) fixture.pass(5000);
          slow = false;
          return found([]);
        },
        { maxDriftSeconds: () => limit },
      );
      await fixture.scheduler.run(fixture.signal);
      expect(fixture.asked.map(({ at }) => at)).toEqual(expected);
    }
  });

  test('keeps the name out of the database with numeric monitoring', async () => {
    const { scheduler, signal, asked, database } = setUp(1, [query('q')], () => found([]), {
      numericMonitoring: () => true,
    });
    await scheduler.run(signal);
    expect(asked[0]!.executing).toBeUndefined();
    expect(database.scan('configurations')).toEqual([]);
  });

  test('asks a pack’s discovery queries once in a while', async () => {
    let present = false;
    const discovery = ['SELECT discovery'];
    const { scheduler, signal, asked } = setUp(
      8,
      [query('q', { discovery, pack: 'p' })],
      sql => {
        if (sql !== 'SELECT discovery') return found([]);
        present = !present;
        return found(present ? [{ v: '1' }] : []);
      },
      { packRefreshSeconds: () => 4 },
    );
    await scheduler.run(signal);
    expect(asked.map(({ sql, at }) => `${at} ${sql}`)).toEqual([
      '0 SELECT discovery',
      '0 SELECT q',
      '2 SELECT q',
      '4 SELECT discovery',
    ]);
  });

  test('tells of a query that was running when the last core ended', () => {
    const database = new CoreDatabase();
    database.put('configurations', 'executing_query', 'pack_x');
    const log: string[] = [];
    new Scheduler({
      ...({} as SchedulerOptions),
      database,
      log: (_level, message) => log.push(message),
    });
    expect(log).toEqual(['Scheduled query may have failed: pack_x']);
    expect(database.get('configurations', 'executing_query')).toBe('');
  });

  test('counts for osquery_schedule', async () => {
    const { scheduler, signal } = setUp(4, [query('q')], () => found([{ ab: 'cde' }]));
    await scheduler.run(signal);
    expect(scheduler.entries()).toMatchObject([
      {
        name: 'q',
        query: 'SELECT q',
        interval: 2,
        executions: 2,
        outputSize: 10,
        lastExecuted: START / 1000 + 2,
      },
    ]);
  });
});
