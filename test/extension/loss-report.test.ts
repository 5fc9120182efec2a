import { expect, test } from 'vitest';
import { LossReport } from '../../src/extension/loss-report.ts';
import { auditStatus } from '../../tables/audit_status.ts';

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

test('says what the backlog is not to blame for', () => {
  const report = new LossReport();
  expect(report.next({ kernel_lost: 1, socket_overruns: 2, rate_limit: 100 })).toBe(
    "lost since the last report: 1 records the kernel dropped (raise --audit_backlog_limit, custom_audit_receive_buffer_bytes, the kernel's limit of 100 records a second (auditctl -r 0 lifts it))",
  );
  // The kernel keeps what found the buffer full, and tries again.
  expect(report.next({ kernel_lost: 1, socket_overruns: 3, rate_limit: 100 })).toBeUndefined();
});

test('tells of every counter of a loss', () => {
  const counters = auditStatus.columns
    .map(({ name }) => name)
    .filter(name =>
      /(_lost|_dropped|_gaps|_unread|oversized_records|over_limit_records|cut_command_lines|malformed_\w+|incomplete_events|unusable_events|unencodable_rows)$/.test(
        name,
      ),
    );
  expect(counters).toHaveLength(29);
  for (const counter of counters) {
    const report = new LossReport();
    expect(report.next({ [counter]: 7 }), counter).toMatch(/^lost since the last report: 7 /);
  }
});
