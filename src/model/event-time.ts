import type { ModelEvent } from './model-event.ts';

/** The event's own time in milliseconds since the epoch. */
export const eventMs = (event: Pick<ModelEvent, 'seconds' | 'milliseconds'>): number =>
  event.seconds * 1000 + event.milliseconds;

/** Last millisecond that ISO 8601 writes with a four-digit year. */
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Writes times. It keeps the text of the last second: most events share it, and writing a date takes a microsecond. */
export class IsoTimes {
  #second = Number.NaN;
  #text = '';

  /** ISO 8601 in UTC with milliseconds (the fraction is cut off); undefined for times it cannot write. */
  of(ms: number | undefined): string | undefined {
    if (ms === undefined || !(ms >= 0 && ms <= MAX_MS)) return undefined;
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#text = new Date(second * 1000).toISOString().slice(0, 20);
      this.#second = second;
    }
    const fraction = Math.floor(ms) - second * 1000;
    return `${this.#text}${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}Z`;
  }
}
