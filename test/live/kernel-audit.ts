import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAuditControl } from '../../src/audit/control/control.ts';
import type { AuditStatus } from '../../src/audit/control/status.ts';
import { liveEvents, readHostFacts } from '../../src/runtime/host-facts.ts';

/** Milliseconds to wait for somebody else on this machine to be done with audit. */
const WAIT_MS = 60_000;

const possible = liveEvents(readHostFacts());

/** Why tests on the kernel's own events are skipped here; undefined if they are not. */
export const whyNotLive = possible.kind === 'possible' ? undefined : possible.why;

export interface AuditState {
  readonly status: Omit<AuditStatus, 'lost' | 'backlog'>;
  readonly rules: number;
}

/** What must be the same before and after. */
export const auditState = async (): Promise<AuditState> => {
  const control = openAuditControl();
  try {
    const { lost: _lost, backlog: _backlog, pid, ...status } = await control.getStatus();
    // The kernel forgets an owner that has died when it next has something to say to it.
    return {
      status: { ...status, pid: existsSync(`/proc/${pid}`) ? pid : 0 },
      rules: (await control.listRules()).length,
    };
  } finally {
    control.close();
  }
};

/** Waits until nobody owns the audit socket. */
export const auditIsFree = async (): Promise<void> => {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const { status } = await auditState();
    if (status.pid === 0) return;
    if (performance.now() > deadline)
      throw new Error(`the audit socket belongs to pid ${status.pid}: stop it to run the live tests`);
    await sleep(200);
  }
};
