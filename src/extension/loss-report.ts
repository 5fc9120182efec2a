import type { AuditStatusRow } from '../../tables/audit_status.ts';

type Counter = Extract<
  keyof AuditStatusRow,
  `${string}_lost` | `${string}_overruns` | `${string}_unread` | 'serial_gaps'
>;

/** What a growing counter means, and the setting that helps. */
const LOSSES: readonly {
  readonly counters: readonly Counter[];
  readonly what: string;
  readonly raise: string;
}[] = [
  { counters: ['kernel_lost'], what: 'records the kernel dropped', raise: '--audit_backlog_limit' },
  {
    counters: ['socket_overruns'],
    what: 'overruns of the receive buffer',
    raise: 'custom_audit_receive_buffer_bytes',
  },
  { counters: ['serial_gaps'], what: 'events that never arrived', raise: '--audit_backlog_limit' },
  {
    counters: [
      'process_events_evicted_unread',
      'socket_events_evicted_unread',
      'user_events_evicted_unread',
      'process_telemetry_events_evicted_unread',
    ],
    what: 'rows dropped before any query had read them',
    raise: '--events_max and custom_audit_buffer_bytes, or query more often',
  },
  {
    counters: [
      'process_events_expired_unread',
      'socket_events_expired_unread',
      'user_events_expired_unread',
      'process_telemetry_events_expired_unread',
    ],
    what: 'rows that expired before any query had read them',
    raise: '--events_expiry, or schedule a query',
  },
];

/** Tells what was lost since it last told. */
export class LossReport {
  #told: AuditStatusRow;

  /** @param told what has been told before */
  constructor(told: AuditStatusRow = {}) {
    this.#told = told;
  }

  /** One sentence with the settings to raise; undefined if nothing was lost since the last one. */
  next(row: AuditStatusRow): string | undefined {
    const parts: string[] = [];
    for (const { counters, what, raise } of LOSSES) {
      const grown = counters.reduce(
        (sum, counter) => sum + Math.max(0, Number(row[counter] ?? 0) - Number(this.#told[counter] ?? 0)),
        0,
      );
      if (grown > 0) parts.push(`${grown} ${what} (raise ${raise})`);
    }
    this.#told = row;
    return parts.length === 0 ? undefined : `lost since the last report: ${parts.join('; ')}`;
  }
}
