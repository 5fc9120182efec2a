import { AUDIT_LOCKED } from '../constants.ts';
import type { RestoreNote } from './rules.ts';
import type { AuditStatus, AuditStatusChange } from './status.ts';

/**
 * The audit status without the changes of the instance that left the note. A value that differs from the instance's
 * was changed by somebody else since, and stays.
 */
export const statusWithout = (now: AuditStatus, { found, placed }: RestoreNote): AuditStatus => {
  const field = (name: keyof RestoreNote['placed']): number =>
    now[name] === placed[name] ? found[name] : now[name];
  return {
    ...now,
    enabled: now.enabled === 1 ? found.enabled : now.enabled,
    failure: field('failure'),
    backlogLimit: field('backlogLimit'),
    backlogWaitTime: field('backlogWaitTime'),
  };
};

/**
 * The changes that restore it, one by one, so that a refused one does not prevent the others. Without `enabled`: see
 * `switchesOff`.
 */
export const changesBack = (now: AuditStatus, note: RestoreNote): readonly AuditStatusChange[] => {
  if (now.enabled === AUDIT_LOCKED) return [];
  const { backlogLimit, backlogWaitTime, failure } = statusWithout(now, note);
  return [
    ...(backlogLimit === now.backlogLimit ? [] : [{ backlogLimit }]),
    ...(backlogWaitTime === now.backlogWaitTime ? [] : [{ backlogWaitTime }]),
    ...(failure === now.failure ? [] : [{ failure }]),
  ];
};

/** Whether audit is to be switched off again. Not if another reader has started since: it decides. */
export const switchesOff = (now: AuditStatus, note: RestoreNote, hasNewOwner: boolean): boolean =>
  now.enabled === 1 && note.found.enabled === 0 && !hasNewOwner;
