import { expect, test } from 'vitest';
import { LossReport } from '../../src/extension/loss-report.ts';

test('tells only what was lost since it last told, and what to raise', () => {
  const report = new LossReport();
  expect(report.next({ kernel_lost: 0, process_events_evicted_unread: 0 })).toBeUndefined();
  expect(report.next({ kernel_lost: 3, process_events_evicted_unread: 0 })).toBe(
    'lost since the last report: 3 records the kernel dropped (raise --audit_backlog_limit)',
  );
  expect(report.next({ kernel_lost: 3, process_events_evicted_unread: 0 })).toBeUndefined();
  const both = report.next({
    kernel_lost: 4,
    process_events_evicted_unread: 2,
    user_events_evicted_unread: 5,
  });
  expect(both).toMatch(/1 records the kernel dropped.*; 7 rows dropped before any query had read them/);
});

test('a counter that was reset is no loss', () => {
  const report = new LossReport();
  report.next({ kernel_lost: 9 });
  expect(report.next({ kernel_lost: 0 })).toBeUndefined();
});
