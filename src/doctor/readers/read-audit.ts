import { type AuditControl, openAuditControl } from '../../audit/control.ts';
import { AuditError } from '../../audit/errors.ts';
import type { AuditFacts } from '../facts.ts';

/** Asks the kernel for what `auditctl -s` and `auditctl -l` would show. Changes nothing. */
export const readAudit = async (open: () => AuditControl = openAuditControl): Promise<AuditFacts> => {
  let control: AuditControl | undefined;
  try {
    control = open();
    const status = await control.getStatus();
    return { kind: 'read', status, rules: await control.listRules() };
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return { kind: 'unreadable', why: error.message };
  } finally {
    control?.close();
  }
};
