/** Most a load may do, whatever it is asked for. */
const MAX_COUNT = 2_000_000;
const MAX_SECONDS = 240;
/** Milliseconds that what is due may gather: a shorter sleep costs more than it is good for. */
const STEP_MS = 1;

/**
 * Does something `count` times: `perSecond` of them in each second, or back to back for 0. Stays on this thread: what
 * gives up its turn in between is no burst.
 *
 * @returns seconds it took
 */
export const pace = (count: number, perSecond: number, work: (index: number) => void): number => {
  if (!(count <= MAX_COUNT)) throw new RangeError(`expected a count up to ${MAX_COUNT}, got ${count}`);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const started = performance.now();
  for (let done = 0; done < count; ) {
    const elapsed = performance.now() - started;
    if (elapsed > MAX_SECONDS * 1000)
      throw new Error(`${done} of ${count} done in ${MAX_SECONDS} s: gave up`);
    const due = perSecond === 0 ? done + 4096 : Math.ceil((elapsed * perSecond) / 1000);
    for (const end = Math.min(due, count); done < end; done++) work(done);
    if (perSecond > 0 && done < count) Atomics.wait(sleeper, 0, 0, STEP_MS);
  }
  return (performance.now() - started) / 1000;
};
