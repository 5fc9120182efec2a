import type { ProcessEvent } from '../audit/audit-event.ts';

/** The event's own time in milliseconds since the epoch. */
export const eventMs = (event: Pick<ProcessEvent, 'seconds' | 'milliseconds'>): number =>
  event.seconds * 1000 + event.milliseconds;

/** Last millisecond that ISO 8601 writes with a four-digit year. */
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** ISO 8601 in UTC with milliseconds; undefined for times it cannot write. */
export const isoTime = (ms: number | undefined): string | undefined =>
  ms === undefined || !(ms >= 0 && ms <= MAX_MS) ? undefined : new Date(ms).toISOString();
