import { AUDIT_CONTROL_PATH, checkAuditControl as checkText } from '../../openbsm/audit-control.ts';
import { type CheckResult, ok, problem } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag } from '../flag-view.ts';

/** macOS: whether audit_control(5) has the classes and policies that the tables need. */
export const checkAuditControl = (
  facts: Pick<Facts, 'host' | 'auditControl' | 'flags' | 'core' | 'config'>,
): readonly CheckResult[] => {
  if (facts.host.platform !== 'darwin') return [];
  const sockets = effectiveFlag(facts, 'audit_allow_sockets') === 'true';
  return checkText(facts.auditControl, { sockets }).map(line =>
    line.kind === 'ok' ? ok(AUDIT_CONTROL_PATH, line.text) : problem(AUDIT_CONTROL_PATH, line.text, line.fix),
  );
};
