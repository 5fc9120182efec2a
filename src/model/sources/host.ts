import { hostname } from 'node:os';
import type { Clock } from '../clock.ts';
import { type EventSource, eventSource } from '../source.ts';

export interface HostFields {
  readonly host_name: string | undefined;
}

/** Milliseconds after which a new host name is noticed. */
const REFRESH_MS = 10_000;

/** The host's own name, read at an interval, because it can be changed while we run. */
export const cachedHostName = (clock: Clock, read: () => string = hostname): (() => string | undefined) => {
  let name: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.monotonicMs();
    if (now - readAt >= REFRESH_MS) {
      readAt = now;
      name = read() || undefined;
    }
    return name;
  };
};

export const hostSource = (hostName: () => string | undefined): EventSource<HostFields> =>
  eventSource<HostFields>({
    name: 'host',
    provides: { host_name: 'output' },
    needs: [],
    limits: { rests: false },
    resolve: () => ({ host_name: hostName() }),
  });
