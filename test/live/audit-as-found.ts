import { afterEach, beforeEach, expect } from 'vitest';
import { type AuditState, auditIsFree, auditState } from './kernel-audit.ts';

/** What a live test has. */
export interface LiveTest {
  /** Audit as it must be when all is over. */
  before: AuditState;
  /** What is to be undone before that. */
  stack: AsyncDisposableStack;
}

/** To be called in a `describe`: each of its tests waits until audit is free, and has to leave it as it found it. */
export const leavingAuditAsFound = (): LiveTest => {
  const live = {} as LiveTest;
  beforeEach(async () => {
    await auditIsFree();
    live.before = await auditState();
    live.stack = new AsyncDisposableStack();
  }, 90_000);
  afterEach(async () => {
    await live.stack.disposeAsync();
    expect(await auditState()).toEqual(live.before);
  });
  return live;
};
