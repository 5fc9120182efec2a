import type { ModelEvent } from './model-event.ts';

/** The event's own time in milliseconds since the epoch. */
export const eventMs = (event: Pick<ModelEvent, 'seconds' | 'milliseconds'>): number =>
  event.seconds * 1000 + event.milliseconds;

/** Last millisecond that ISO 8601 writes with a four-digit year. */
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** The second written last: most events are of the same one, and writing a date out costs a microsecond. */
let lastSecond = Number.NaN;
let lastText = '';

/** ISO 8601 in UTC with milliseconds (the fraction is cut off); undefined for times it cannot write. */
export const isoTime = (ms: number | undefined): string | undefined => {
  if (ms === undefined || !(ms >= 0 && ms <= MAX_MS)) return undefined;
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().slice(0, 20);
    lastSecond = second;
  }
  const fraction = Math.floor(ms) - second * 1000;
  return `${lastText}${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}Z`;
};
