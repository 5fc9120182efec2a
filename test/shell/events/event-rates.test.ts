import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COLOURED, PLAIN } from '../../../src/runtime/terminal/style.ts';
import { EventCounter } from '../../../src/shell/events/count-events.ts';
import { drawTop } from '../../../src/shell/events/draw-top.ts';
import { type EventGroup, pictureOf } from '../../../src/shell/events/event-rates.ts';
import { cpuSecondsIn, cpuSecondsOf } from '../../../src/shell/events/process-cpu.ts';
import { coreSource } from '../../../src/shell/sql-source.ts';
import { column, FakeTable, startCore, startExtension } from '../../core/support.ts';

const group = (more: Partial<EventGroup> = {}): EventGroup => ({
  kind: 'process',
  program: '/bin/true',
  startedBy: '/bin/sh',
  user: 'root',
  events: 1,
  bytes: 100,
  ...more,
});

describe('pictureOf', () => {
  test('sums what is alike, the most first, and shares out the CPU', () => {
    const picture = pictureOf({
      seconds: 2,
      groups: [
        group({ events: 10, bytes: 1_000 }),
        group({ kind: 'socket', program: '/bin/nc', user: 'guest', events: 60, bytes: 6_000 }),
        group({ events: 20, bytes: 2_000 }),
      ],
      unseen: 10,
      cpuSeconds: 0.2,
    });
    expect(picture).toMatchObject({ eventsPerSecond: 50, bytesPerSecond: 4_500, unseen: 10 });
    expect(picture.cpu).toBeCloseTo(10);
    expect(picture.programs.map(({ program, eventsPerSecond }) => [program, eventsPerSecond])).toEqual([
      ['/bin/nc', 30],
      ['/bin/true', 15],
    ]);
    expect(picture.programs[0]!.share).toBeCloseTo(0.6);
    expect(picture.programs[0]!.cpu).toBeCloseTo(6);
    expect(picture.users.map(({ user, bytesPerSecond }) => [user, bytesPerSecond])).toEqual([
      ['guest', 3_000],
      ['root', 1_500],
    ]);
  });

  test('without events, and without a known CPU', () => {
    const picture = pictureOf({ seconds: 1, groups: [], unseen: 0, cpuSeconds: undefined });
    expect(picture).toEqual({
      seconds: 1,
      events: 0,
      bytes: 0,
      eventsPerSecond: 0,
      bytesPerSecond: 0,
      cpu: undefined,
      unseen: 0,
      programs: [],
      users: [],
    });
  });
});

describe('drawTop', () => {
  const picture = pictureOf({
    seconds: 2,
    groups: [
      group({ events: 90, program: '/opt/\u001b[31mevil\n' }),
      group({ events: 10, program: `/long/${'x'.repeat(60)}/end`, startedBy: '' }),
    ],
    unseen: 0,
    cpuSeconds: 0.1,
  });

  test('a line for each program, then for each user', () => {
    const text = drawTop(picture, { width: undefined, style: PLAIN, rows: 1, at: 'NOW' });
    expect(text.split('\n')).toEqual([
      'NOW  50 events/s, 100 B/s of log, extension 5.0 % of a CPU, in 2.0 s',
      '',
      ' EVENTS/S  SHARE    CPU     LOG/S  WHAT     USER  PROGRAM              STARTED BY',
      '       45   90 %  4.5 %      50 B  process  root  /opt/\\x1b[31mevil\\n  /bin/sh',
      '',
      ' EVENTS/S  SHARE    CPU     LOG/S  USER',
      '       50  100 %  5.0 %     100 B  root',
      '',
    ]);
  });

  test('of a log there are numbers of events', () => {
    const text = drawTop(picture, { width: undefined, style: PLAIN, rows: 1, at: 'NOW', areTotals: true });
    expect(text.split('\n').slice(0, 4)).toEqual([
      'NOW  100 events, 200 B of log, in 2 s',
      '',
      '   EVENTS  SHARE    CPU       LOG  WHAT     USER  PROGRAM              STARTED BY',
      '       90   90 %  4.5 %     100 B  process  root  /opt/\\x1b[31mevil\\n  /bin/sh',
    ]);
  });

  test('fits the terminal, and says what it could not count', () => {
    const narrow = drawTop({ ...picture, unseen: 7 }, { width: 100, style: COLOURED, rows: 9, at: 'NOW' });
    const lines = narrow.replaceAll(/\u001b\[\d+m/g, '').split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(narrow).toContain('…');
    expect(narrow).toContain('xxx/end');
    expect(lines[1]).toMatch(/^7 events left the buffer/);
    const tiny = drawTop(picture, { width: 20, style: PLAIN, rows: 9, at: 'NOW' });
    expect(Math.max(...tiny.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(20);
  });
});

describe('EventCounter', () => {
  const events = (rows: readonly Record<string, string>[]) =>
    new FakeTable(
      'process_events',
      [
        column('path', 'TEXT'),
        column('uid', 'BIGINT'),
        column('eid', 'TEXT', 16),
        column('parent_path', 'TEXT', 16),
        column('username', 'TEXT', 16),
      ],
      () => rows,
    );
  const row = (eid: number, path: string, more = {}) => ({ eid: String(eid), path, uid: '5', ...more });

  test('counts what came since the last time, by program, starter and user', async () => {
    const rows = [row(0, '/a'), row(1, '/a')];
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [events(rows)]);
    const counter = new EventCounter(coreSource(started.core), true);
    const { signal } = new AbortController();
    expect(await counter.next(signal)).toMatchObject({ groups: [{ program: '/a', events: 2 }], unseen: 0 });
    expect(await counter.next(signal)).toEqual({ groups: [], unseen: 0 });
    // Rows 2 to 4 were dropped before they could be counted.
    rows.splice(
      0,
      2,
      row(5, '/b', { parent_path: '/sh', username: 'root' }),
      row(6, '/b', { parent_path: '/sh', username: 'root' }),
      row(7, '/b'),
    );
    const { groups, unseen } = await counter.next(signal);
    expect(unseen).toBe(3);
    expect(groups).toEqual(
      expect.arrayContaining([
        // `"path":"/b","uid":"5",`
        { kind: 'process', program: '/b', startedBy: '/sh', user: 'root', events: 2, bytes: 2 * 22 },
        { kind: 'process', program: '/b', startedBy: '', user: 'uid 5', events: 1, bytes: 22 },
      ]),
    );
    // The extension was started again.
    rows.splice(0, 3, row(0, '/c'));
    expect(await counter.next(signal)).toMatchObject({ groups: [{ program: '/c', events: 1 }], unseen: 0 });
    rows.push(row(1, '/d'));
    expect(await counter.next(signal)).toMatchObject({ groups: [{ program: '/d', events: 1 }], unseen: 0 });
  });

  test('does not ask the Event Model where it should not, and does without tables', async () => {
    const table = events([row(0, '/a', { parent_path: '/sh', username: 'root' })]);
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [table]);
    const counter = new EventCounter(coreSource(started.core), false);
    const { groups } = await counter.next(new AbortController().signal);
    expect(groups).toMatchObject([{ program: '/a', startedBy: '', user: 'uid 5' }]);
    for (const { context } of table.requests)
      expect(context).not.toMatch(/"colsUsed":\[[^\]]*(parent_path|username)/);
  });
});

describe('CPU of a process', () => {
  const stat = (comm: string): string =>
    `7 (${comm}) S 1 7 7 0 -1 4194560 1 2 3 4 250 150 9 9 20 0 5 0 100 1 1`;

  test('is utime and stime, whatever the command is called', () => {
    fc.assert(
      fc.property(fc.string(), comm => {
        expect(cpuSecondsIn(stat(comm))).toBe(4);
      }),
    );
    expect(cpuSecondsIn('')).toBeUndefined();
    expect(cpuSecondsIn('7 (x) S 1')).toBeUndefined();
  });

  test('is not known of a process that is gone', () => {
    expect(cpuSecondsOf(undefined)).toBeUndefined();
    expect(cpuSecondsOf(2 ** 22 + 5)).toBeUndefined();
  });
});
