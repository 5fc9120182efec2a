import type { Clock } from '../clock.ts';
import { wallOffset } from '../wall-offset.ts';
import type { ProcfsReader } from './reader.ts';
import { parseUptime } from './values.ts';

/** USER_HZ: what clock ticks in procfs count, whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100;
/** The boot time in wall clock terms moves only when the wall clock is set. */
const REFRESH_MS = 5000;

/** Places clock ticks since boot on the wall clock, to about 10 ms, the size of a tick. */
export class BootTime {
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  #bootMs: number | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(procfs: ProcfsReader, clock: Clock) {
    this.#procfs = procfs;
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. Counted from `uptime`: `btime` of `/proc/stat` is cut to whole seconds. */
  wallMs(ticks: number): number | undefined {
    const now = this.#clock.monotonicMs();
    if (now - this.#readAt >= REFRESH_MS) {
      this.#bootMs = wallOffset(this.#clock, () => this.#uptimeMs());
      this.#readAt = now;
    }
    return this.#bootMs === undefined ? undefined : this.#bootMs + (ticks * 1000) / TICKS_PER_SECOND;
  }

  #uptimeMs(): number | undefined {
    const bytes = this.#procfs.read('host', 'uptime');
    const uptime = bytes && parseUptime(bytes);
    return uptime && uptime * 1000;
  }
}
