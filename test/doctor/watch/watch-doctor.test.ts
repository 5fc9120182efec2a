import { describe, expect, test } from 'vitest';
import { type CheckResult, ok, problem, unknown } from '../../../src/doctor/check-result.ts';
import type { Readers } from '../../../src/doctor/run-doctor.ts';
import { changesIn } from '../../../src/doctor/watch/changes.ts';
import { figuresOf, lossesSince } from '../../../src/doctor/watch/figures.ts';
import { type Round, roundJson, WatchPrinter } from '../../../src/doctor/watch/print-watch.ts';
import { readRunning } from '../../../src/doctor/watch/read-running.ts';
import { watchDoctor } from '../../../src/doctor/watch/watch-doctor.ts';
import { COLOURED, PLAIN } from '../../../src/runtime/terminal/style.ts';
import { socketPath, startFakeCore } from '../../osquery-extension-ts/support.ts';
import { auditFacts, healthy } from '../facts.ts';

describe('changesIn', () => {
  test('a status that changes, a text that changes, and a check that is over', () => {
    const before = [
      ok('a', 'well'),
      problem('b', 'bad', 'do'),
      unknown('c', 'who knows', 'look'),
      ok('d', 'fine'),
    ];
    const now = [problem('a', 'ill', 'do it'), problem('b', 'worse', 'do'), ok('e', 'new')];
    expect(changesIn(before, now).map(({ result, was }) => [result.check, result.status, was])).toEqual([
      ['a', 'problem', 'ok'],
      ['b', 'problem', 'problem'],
      ['e', 'ok', undefined],
      ['c', 'ok', 'unknown'],
    ]);
    expect(changesIn(now, now)).toEqual([]);
  });

  test('numbers in a text change nothing', () => {
    expect(changesIn([ok('a', 'lost 5 of 7')], [ok('a', 'lost 60 of 7000')])).toEqual([]);
  });

  test('several results of one check', () => {
    const two = [problem('rules', 'x', 'f'), problem('rules', 'y', 'f')];
    expect(changesIn(two, [...two].reverse())).toEqual([]);
    expect(changesIn(two, [problem('rules', 'z', 'f')]).map(({ result }) => result.found)).toEqual(['z']);
  });
});

const running = (status: Record<string, string>, losses: readonly Record<string, string>[] = []) => ({
  status: { mode: 'unicast', ...status },
  losses,
});

describe('figuresOf', () => {
  test('rates, queue and losses of the extension', () => {
    const loss = { counter: 'kernel_lost', since: '5', cause: 'records', raise: '--x' };
    const before = {
      at: 10,
      audit: auditFacts({}),
      running: running({ records: '100', events: '10' }, [{ ...loss, lost: '3' }]),
    };
    const look = {
      at: 12,
      audit: auditFacts({}),
      running: running(
        { records: '300', events: '14', backlog: '3', backlog_limit: '64', rows_buffered: '7' },
        [
          { ...loss, lost: '5' },
          { ...loss, since: '9', lost: '1', raise: '' },
        ],
      ),
    };
    expect(figuresOf(look, before)).toEqual({
      source: 'unicast',
      recordsPerSecond: 100,
      eventsPerSecond: 2,
      queue: 3,
      queueLimit: 64,
      rows: 7,
      lost: 3,
    });
    expect(lossesSince(look.running, before.running)).toEqual([
      { lost: 2, counter: 'kernel_lost', cause: 'records', raise: '--x' },
      { lost: 1, counter: 'kernel_lost', cause: 'records', raise: '' },
    ]);
    // The first look may see what was lost days ago.
    expect(lossesSince(look.running, undefined)).toEqual([]);
    expect(figuresOf(look, undefined)).toMatchObject({ recordsPerSecond: undefined, lost: 0 });
  });

  test('of the kernel alone, if no extension answers', () => {
    const at = (lost: number) => ({
      at: 1,
      running: undefined,
      audit: auditFacts({ lost, backlog: 4, backlogLimit: 64 }),
    });
    expect(figuresOf(at(9), at(7))).toMatchObject({ source: 'kernel', queue: 4, queueLimit: 64, lost: 2 });
    const unreadable = { at: 1, running: undefined, audit: { kind: 'unreadable', why: 'no' } as const };
    expect(figuresOf(unreadable, unreadable)).toMatchObject({
      source: 'kernel',
      queue: undefined,
      lost: undefined,
    });
  });
});

describe('WatchPrinter', () => {
  const round: Round = {
    time: '2026-12-01T04:23:01.000Z',
    changes: [
      { result: problem('osqueryd', 'gone \u001b[2J', 'start it'), was: 'ok' },
      { result: ok('auditd', 'not running'), was: undefined },
    ],
    losses: [{ lost: 12, counter: 'kernel_lost', cause: 'records', raise: '--audit_backlog_limit' }],
    figures: {
      source: 'unicast',
      recordsPerSecond: 811.6,
      eventsPerSecond: 97,
      queue: 3,
      queueLimit: 8192,
      rows: 1000,
      lost: 12,
    },
  };
  const quiet: Round = {
    ...round,
    changes: [],
    losses: [],
    figures: {
      source: 'kernel',
      recordsPerSecond: undefined,
      eventsPerSecond: undefined,
      queue: undefined,
      queueLimit: undefined,
      rows: undefined,
      lost: undefined,
    },
  };

  test('what has changed, what was lost, and a line of figures', () => {
    const printer = new WatchPrinter(PLAIN);
    expect(printer.round(round).split('\n')).toEqual([
      '04:23:01  problem (was ok): osqueryd: gone \\x1b[2J',
      '          fix: start it',
      '04:23:01  ok: auditd: not running',
      '04:23:01  lost 12 records (kernel_lost: raise --audit_backlog_limit)',
      'TIME       SOURCE      RECORDS/S  EVENTS/S        QUEUE      ROWS      LOST',
      '04:23:01   unicast            812        97       3/8192      1000        12',
      '',
    ]);
    expect(printer.round(quiet)).toBe(
      '04:23:01   kernel               -         -            -         -         -\n',
    );
  });

  test('names the columns again after twenty lines', () => {
    const printer = new WatchPrinter(PLAIN);
    const text = Array.from({ length: 41 }, () => printer.round(quiet)).join('');
    expect(text.match(/TIME/g)).toHaveLength(3);
  });

  test('colours do not change the text, and JSON is one line', () => {
    const coloured = new WatchPrinter(COLOURED).round(round);
    expect(coloured).toContain('\u001b[31m');
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(new WatchPrinter(PLAIN).round(round));
    expect(JSON.parse(roundJson(round))).toMatchObject({
      time: round.time,
      changes: [{ check: 'osqueryd', status: 'problem', was: 'ok' }, { was: null }],
      losses: round.losses,
      figures: round.figures,
    });
    expect(roundJson(round).trimEnd()).not.toContain('\n');
  });
});

describe('watchDoctor', () => {
  const readersOf = (changes: Partial<Readers> = {}): Readers => ({
    host: () => healthy.host,
    flags: () => healthy.flags,
    core: async () => healthy.core,
    processes: () => healthy.processes,
    boot: () => healthy.boot,
    system: () => healthy.system,
    unaudited: async () => healthy.unaudited,
    security: () => healthy.security,
    audit: async () => healthy.audit,
    config: () => healthy.config,
    extension: () => healthy.extension,
    auditControl: () => healthy.auditControl,
    selfTest: async () => healthy.selfTest,
    ...changes,
  });

  test('reports once, then what changes, and makes the self-test again only after a change', async () => {
    const stop = new AbortController();
    let round = 0;
    let selfTests = 0;
    const first: CheckResult[][] = [];
    const rounds: Round[] = [];
    const results = await watchDoctor({
      socketPath: undefined,
      readers: readersOf({
        // Audit is switched off in the third round.
        audit: async () => auditFacts(round === 2 ? { enabled: 0 } : {}),
        selfTest: async () => {
          selfTests += 1;
          return healthy.selfTest;
        },
      }),
      readRunning: async () => running({ records: String(round * 10) }),
      signal: stop.signal,
      pause: async () => {
        round += 1;
        if (round === 3) stop.abort();
      },
      onFirst: async results => void first.push([...results]),
      onRound: async each => void rounds.push(each),
    });
    expect(first).toHaveLength(1);
    expect(first[0]!.every(({ status }) => status === 'ok')).toBe(true);
    expect(rounds.map(({ changes }) => changes.length > 0)).toEqual([false, false, true]);
    expect(rounds[2]!.changes.some(({ result, was }) => result.status === 'problem' && was === 'ok')).toBe(
      true,
    );
    expect(results.some(({ status }) => status === 'problem')).toBe(true);
    expect(selfTests).toBe(2);
    expect(rounds[1]!.figures.recordsPerSecond).toBeGreaterThan(0);
  });

  test('tells nothing of a round that is interrupted', async () => {
    const stop = new AbortController();
    let round = 0;
    const rounds: Round[] = [];
    const results = await watchDoctor({
      socketPath: undefined,
      readers: readersOf({
        audit: async () => {
          if (round === 1) stop.abort();
          return auditFacts(round === 1 ? { enabled: 0 } : {});
        },
      }),
      readRunning: async () => undefined,
      signal: stop.signal,
      pause: async () => {
        round += 1;
      },
      onFirst: async () => {},
      onRound: async each => void rounds.push(each),
    });
    expect(rounds).toHaveLength(1);
    expect(results.every(({ status }) => status === 'ok')).toBe(true);
  });

  test('goes on when osquery goes away', async () => {
    const stop = new AbortController();
    let round = 0;
    const rounds: Round[] = [];
    await watchDoctor({
      socketPath: undefined,
      readers: readersOf({
        core: async ({ socketPath }) => (round === 0 ? healthy.core : { kind: 'absent', path: socketPath }),
      }),
      readRunning: async () => running({}),
      signal: stop.signal,
      pause: async () => {
        round += 1;
        if (round === 2) stop.abort();
      },
      onFirst: async () => {},
      onRound: async each => void rounds.push(each),
    });
    expect(rounds.map(({ figures }) => figures.source)).toEqual(['unicast', 'kernel']);
    expect(rounds[1]!.changes.length).toBeGreaterThan(0);
  });
});

describe('readRunning', () => {
  test('asks for status and losses', async () => {
    const core = await startFakeCore({
      query: sql => (sql.includes('audit_losses') ? [{ lost: '3' }] : [{ mode: 'unicast' }]),
    });
    try {
      expect(await readRunning(core.socketPath)).toEqual({
        status: { mode: 'unicast' },
        losses: [{ lost: '3' }],
      });
    } finally {
      await core.server.close();
    }
  });

  test('is undefined if nobody answers', async () => {
    expect(await readRunning(socketPath())).toBeUndefined();
  });
});
