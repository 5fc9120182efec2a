/**
 * Core's lock of its schedule. The scheduler holds it for all queries of a tick. Others who walk the schedule, such
 * as a SELECT from `osquery_schedule`, wait until these are done. The scheduler's own queries may pass: core's lock
 * is recursive, and they run in the thread that holds it.
 *
 * Source: osquery 5.23 `config/config.cpp` (scheduledQueries, packs; config_schedule_mutex_).
 */
export class ScheduleLock {
  #tick: Promise<void> = Promise.resolve();

  /** Holds the lock while the work runs. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tick = promise;
    try {
      return await work();
    } finally {
      resolve();
    }
  }

  /**
   * Resolves when the schedule may be walked.
   *
   * @param isScheduled whether one of the scheduler's own queries asks
   * @param signal ends the wait
   */
  async walk(isScheduled: boolean, signal: AbortSignal): Promise<void> {
    if (isScheduled) return;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([this.#tick, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
