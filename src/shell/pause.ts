import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; ends at once when the signal fires, without an error. */
export const pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch(() => {});
};
