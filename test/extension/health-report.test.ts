import { describe, expect, test } from 'vitest';
import { HealthReport } from '../../src/extension/health-report.ts';

const look = (now: number, row = {}, cpuSeconds = 0) => ({
  row: { mode: 'unicast', enabled: 1, backlog: 3, backlog_limit: 8192, rules: 4, ...row },
  use: { cpuSeconds, memoryBytes: 85_000_000 },
  now,
});

describe('HealthReport', () => {
  test('says what came, what was lost, and what it cost', () => {
    const report = new HealthReport(look(0));
    expect(
      report.next(
        look(60, { records: 500, events: 40, rows_buffered: 7, bytes_buffered: 300_000 }, 0.6),
        3_600,
      ),
    ).toBe(
      "health: events are read by unicast; in the last 60 s 500 records, 40 events, nothing lost; now 3 of 8192 records in the kernel's queue, 4 rules, 7 rows (0.3 MB) buffered, this process 85.0 MB and 1.0 % of a CPU",
    );
    const next = report.next(
      look(3_660, { records: 900, events: 50, kernel_lost: 2, user_events_evicted_unread: 5 }, 0.6),
      3_600,
    );
    expect(next).toContain(
      'in the last 3600 s 400 records, 10 events, lost: 2 records the kernel dropped, 5 rows',
    );
    expect(next).toContain('(see audit_losses)');
  });

  test('comes at once and then at the interval', () => {
    const report = new HealthReport(look(0));
    const at = (now: number, interval = 3_600) => report.next(look(now), interval) !== undefined;
    expect([at(60), at(120), at(3_600), at(3_660), at(3_720)]).toEqual([true, false, false, true, false]);
    // A shorter interval counts from the last line.
    expect([at(3_780, 120), at(3_840, 120)]).toEqual([true, false]);
  });

  test('is silent without an interval', () => {
    expect(new HealthReport(look(0)).next(look(60), 0)).toBeUndefined();
  });

  test('says that audit is off, and leaves out what there is not', () => {
    const off = new HealthReport(look(0)).next(look(60, { enabled: 0 }), 60);
    expect(off).toContain('read by unicast, and kernel audit is off;');
    const replay = new HealthReport(look(0)).next(
      { row: { mode: 'replay' }, use: { cpuSeconds: 0, memoryBytes: undefined }, now: 60 },
      60,
    );
    expect(replay).toBe(
      'health: events are read by replay; in the last 60 s 0 records, 0 events, nothing lost; now 0 rows (0.0 MB) buffered, this process 0.0 % of a CPU',
    );
  });
});
