import type { Clock } from '../clock.ts';
import { wallOffset } from '../wall-offset.ts';
import type { ProcfsReader } from './reader.ts';
import { parseUptime } from './values.ts';

/** USER_HZ: the unit of clock ticks in procfs, whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100;
/** On the wall clock, the boot time moves only when the wall clock is changed. */
const REFRESH_MS = 5000;

/** Converts clock ticks since boot to wall clock time, to about 10 ms, the size of a tick. */
export class BootTime {
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  #bootMs: number | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(procfs: ProcfsReader, clock: Clock) {
    this.#procfs = procfs;
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. Computed from `uptime`, because `btime` of `/proc/stat` has only whole seconds. */
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
