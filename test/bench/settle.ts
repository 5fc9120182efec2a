import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from 'osquery-extension-ts';
import type { ExtensionUnderTest } from './extension-under-test.ts';

/** Milliseconds without a new row after which nothing more is expected. */
const QUIET_MS = 2_500;
const LOOK_MS = 250;

/** Waits for a load's last events to become rows. @returns how many there are of it */
export const settledRows = async (
  extension: ExtensionUnderTest,
  spec: TableSpec,
  equal: Readonly<Record<string, string>>,
  expected: number,
): Promise<number> => {
  let rows = 0;
  for (let quietSince = performance.now(); performance.now() - quietSince < QUIET_MS; ) {
    const now = await extension.count(spec, { equal });
    if (now >= expected) return now;
    if (now !== rows) quietSince = performance.now();
    rows = now;
    await sleep(LOOK_MS);
  }
  return rows;
};
