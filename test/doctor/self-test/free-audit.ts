import { setTimeout as sleep } from 'node:timers/promises';
import { ownRule } from '../../../src/audit/control/rules.ts';
import { readAudit } from '../../../src/doctor/readers/read-audit.ts';
import { liveEvents, readHostFacts } from '../../../src/runtime/host-facts.ts';

const PATIENCE_MS = 30_000;

/**
 * Waits until nobody uses kernel audit, which other tests may do at the same time.
 *
 * @returns why it cannot be had, undefined if it is free
 */
export const waitForFreeAudit = async (): Promise<string | undefined> => {
  const live = liveEvents(readHostFacts());
  if (process.platform !== 'linux') return 'kernel audit is Linux only';
  if (live.kind === 'impossible') return live.why;
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const audit = await readAudit();
    if (audit.kind === 'unreadable') return audit.why;
    const { pid, enabled } = audit.status;
    if (pid === 0 && enabled === 0 && !audit.rules.some(rule => ownRule(rule) !== undefined))
      return undefined;
    if (performance.now() > end) return `somebody uses audit (enabled ${enabled}, pid ${pid})`;
    await sleep(200);
  }
};
