import type { AuditStatusRow } from '../../tables/audit_status.ts';
import { lossesSince } from './losses.ts';

/** What this process has used. */
export interface ProcessUse {
  /** Seconds of CPU of all its threads since its start. */
  readonly cpuSeconds: number;
  /** undefined if there is no procfs. */
  readonly memoryBytes: number | undefined;
}

export interface HealthLook {
  readonly row: AuditStatusRow;
  readonly use: ProcessUse;
  /** Seconds of a monotonic clock. */
  readonly now: number;
}

/** Makes a line for the log at an interval: how events are read, how many came, what was lost, and what that costs. */
export class HealthReport {
  #last: HealthLook;
  #hasReported = false;

  /** @param last the counters at the beginning */
  constructor(last: HealthLook) {
    this.#last = last;
  }

  /**
   * The line; undefined if it is not due. The first one is due at once, so that an operator sees that it works.
   *
   * @param intervalSeconds 0: never
   */
  next(look: HealthLook, intervalSeconds: number): string | undefined {
    if (intervalSeconds === 0) return undefined;
    if (this.#hasReported && look.now - this.#last.now < intervalSeconds) return undefined;
    const line = healthLine(this.#last, look);
    this.#last = look;
    this.#hasReported = true;
    return line;
  }
}

const healthLine = (before: HealthLook, { row, use, now }: HealthLook): string => {
  const seconds = Math.max(1, Math.round(now - before.now));
  const grown = (counter: 'records' | 'events'): string =>
    String(Math.max(0, Number(row[counter] ?? 0) - Number(before.row[counter] ?? 0)));
  const cpu = (100 * Math.max(0, use.cpuSeconds - before.use.cpuSeconds)) / seconds;
  return [
    `health: events are read by ${row.mode ?? 'nothing'}${kernelState(row)}`,
    `in the last ${seconds} s ${grown('records')} records, ${grown('events')} events, ${lostText(before.row, row)}`,
    `now ${queueText(row)}${row.rows_buffered ?? 0} rows (${megabytes(Number(row.bytes_buffered ?? 0))}) buffered, this process ${memoryText(use)}${cpu.toFixed(1)} % of a CPU`,
  ].join('; ');
};

const kernelState = ({ enabled }: AuditStatusRow): string => {
  if (enabled === undefined) return '';
  return Number(enabled) === 0 ? ', and kernel audit is off' : '';
};

const lostText = (before: AuditStatusRow, row: AuditStatusRow): string => {
  const parts = lossesSince(before, row).map(
    ({ counters, what }) => `${counters.reduce((sum, { lost }) => sum + lost, 0)} ${what}`,
  );
  return parts.length === 0 ? 'nothing lost' : `lost: ${parts.join(', ')} (see audit_losses)`;
};

const queueText = ({ backlog, backlog_limit, rules }: AuditStatusRow): string => {
  const queue = backlog === undefined ? '' : `${backlog} of ${backlog_limit} records in the kernel's queue, `;
  return rules === undefined ? queue : `${queue}${rules} rules, `;
};

const memoryText = ({ memoryBytes }: ProcessUse): string =>
  memoryBytes === undefined ? '' : `${megabytes(memoryBytes)} and `;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
