import type { AuditControl } from '../../audit/control/control.ts';
import { AuditError } from '../../audit/errors.ts';
import type { AuditFacts } from '../facts.ts';

/** The modules that it needs exist on Linux only, so they are loaded here. */
export const openControl = async (): Promise<AuditControl> => {
  if (process.platform !== 'linux')
    throw new AuditError('no-audit', 'this system has no kernel audit of Linux');
  const { openAuditControl } = await import('../../audit/control/control.ts');
  return openAuditControl();
};

/** Asks the kernel for what `auditctl -s` and `auditctl -l` show. Changes nothing. */
export const readAudit = async (
  open: () => AuditControl | Promise<AuditControl> = openControl,
): Promise<AuditFacts> => {
  let control: AuditControl | undefined;
  try {
    control = await open();
    const status = await control.getStatus();
    return { kind: 'read', status, rules: await control.listRules() };
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return { kind: 'unreadable', why: error.message };
  } finally {
    control?.close();
  }
};
