/**
 * Core's lock of its schedule. The scheduler holds it for all queries of a tick; whoever else walks the schedule, as a SELECT
 * from `osquery_schedule` does, waits until they are done. For the scheduler's own queries it is open: core's lock is
 * recursive, and they run in the thread that has it.
 *
 * Source: osquery 5.23 `config/config.cpp` (scheduledQueries, packs; config_schedule_mutex_).
 */
export class ScheduleLock {
  #tick: Promise<void> = Promise.resolve();

  /** Holds the lock for as long as the work takes. */
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
   * Resolves when a walk may begin.
   *
   * @param isScheduled whether it is one of the scheduler's own queries that walks
   * @param signal gives up
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
