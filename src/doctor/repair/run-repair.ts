import type { AuditControl } from '../../audit/control/control.ts';
import { removedRulesIn } from '../../audit/control/removed-rules.ts';
import { otherOwner } from '../../audit/control/stream-owner.ts';
import { AuditError } from '../../audit/errors.ts';
import { type CheckResult, problem } from '../check-result.ts';
import { extensionPresence } from '../extension-presence.ts';
import { openControl } from '../readers/read-audit.ts';
import { readProcesses } from '../readers/read-processes.ts';
import { REPAIR, repairAudit } from './repair-audit.ts';

/** Repairs the audit of this system. */
export const runRepair = async (): Promise<readonly CheckResult[]> => {
  let control: AuditControl | undefined;
  try {
    control = await openControl();
    return await repairAudit({
      control,
      removedRules: removedRulesIn(),
      // Whoever it is registered with: what counts is whether its process is there.
      presence: extensionPresence({ core: { kind: 'absent', path: '' }, processes: readProcesses('/') }),
      ownerOf: otherOwner,
    });
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return [problem(REPAIR, error.message, 'run the doctor as root, on the host')];
  } finally {
    control?.close();
  }
};
