import type { AuditFacts } from '../facts.ts';
import type { RunningFacts } from './read-running.ts';

/** The state of a moment, in numbers. What is not known is undefined. */
export interface Figures {
  /** How events are read; `kernel` if no extension answers. */
  readonly source: string;
  readonly recordsPerSecond: number | undefined;
  readonly eventsPerSecond: number | undefined;
  /** Records in the kernel's queue, and its limit. */
  readonly queue: number | undefined;
  readonly queueLimit: number | undefined;
  /** Rows in the buffers. */
  readonly rows: number | undefined;
  /** Everything that was lost since the look before. */
  readonly lost: number | undefined;
}

/** One look at the numbers. */
export interface Look {
  /** Seconds of a monotonic clock. */
  readonly at: number;
  /** undefined if no extension answers. */
  readonly running: RunningFacts | undefined;
  readonly audit: AuditFacts;
}

/** What was lost since the look before, for one reason. */
export interface NewLoss {
  readonly lost: number;
  /** The column of audit_status that counts it. */
  readonly counter: string;
  readonly cause: string;
  /** Empty if no setting helps. */
  readonly raise: string;
}

export const figuresOf = (look: Look, before: Look | undefined): Figures => {
  const kernel = look.audit.kind === 'read' ? look.audit.status : undefined;
  if (look.running === undefined) {
    const former = before?.audit.kind === 'read' ? before.audit.status.lost : undefined;
    return {
      source: 'kernel',
      recordsPerSecond: undefined,
      eventsPerSecond: undefined,
      queue: kernel?.backlog,
      queueLimit: kernel?.backlogLimit,
      rows: undefined,
      lost: kernel === undefined || former === undefined ? undefined : Math.max(0, kernel.lost - former),
    };
  }
  const { status } = look.running;
  const rate = (name: string): number | undefined => {
    const [now, then] = [numberIn(status[name]), numberIn(before?.running?.status[name])];
    if (now === undefined || then === undefined || before === undefined) return undefined;
    return Math.max(0, now - then) / Math.max(0.001, look.at - before.at);
  };
  return {
    source: status.mode ?? 'unknown',
    recordsPerSecond: rate('records'),
    eventsPerSecond: rate('events'),
    queue: numberIn(status.backlog),
    queueLimit: numberIn(status.backlog_limit),
    rows: numberIn(status.rows_buffered),
    lost: lossesSince(look.running, before?.running).reduce((sum, { lost }) => sum + lost, 0),
  };
};

/** The growth of audit_losses; nothing at the first look, which may tell of days. */
export const lossesSince = (
  now: RunningFacts | undefined,
  before: RunningFacts | undefined,
): readonly NewLoss[] => {
  if (now === undefined || before === undefined) return [];
  const keyOf = (row: RunningFacts['losses'][number]): string => `${row.counter} ${row.since}`;
  const known = new Map(before.losses.map(row => [keyOf(row), numberIn(row.lost) ?? 0]));
  return now.losses
    .map(row => ({
      lost: (numberIn(row.lost) ?? 0) - (known.get(keyOf(row)) ?? 0),
      counter: row.counter ?? '',
      cause: row.cause ?? '',
      raise: row.raise ?? '',
    }))
    .filter(({ lost }) => lost > 0);
};

const numberIn = (text: string | undefined): number | undefined =>
  text === undefined || text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text);
