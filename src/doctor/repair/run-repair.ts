import type { AuditControl } from '../../audit/control/control.ts';
import { removedRulesIn } from '../../audit/control/removed-rules.ts';
import { otherOwner } from '../../audit/control/stream-owner.ts';
import { AuditError } from '../../audit/errors.ts';
import { type CheckResult, problem } from '../check-result.ts';
import { type ExtensionPresence, extensionPresence } from '../extension-presence.ts';
import type { ProcessFacts } from '../facts.ts';
import { openControl } from '../readers/read-audit.ts';
import { readProcesses } from '../readers/read-processes.ts';
import { REPAIR, repairAudit } from './repair-audit.ts';

/**
 * Whether an instance is running that the kernel's settings may belong to, wherever it is registered. An instance
 * that reads recorded events does not prevent a repair.
 */
export const presenceFor = ({ names, withoutAudit, ...processes }: ProcessFacts): ExtensionPresence =>
  extensionPresence({
    core: { kind: 'absent', path: '' },
    processes: { ...processes, names: new Map([...names].filter(([pid]) => !withoutAudit?.has(pid))) },
  });

/** Repairs the audit of this system. */
export const runRepair = async (): Promise<readonly CheckResult[]> => {
  let control: AuditControl | undefined;
  try {
    control = await openControl();
    return await repairAudit({
      control,
      removedRules: removedRulesIn(),
      presence: presenceFor(readProcesses('/')),
      ownerOf: otherOwner,
    });
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return [problem(REPAIR, error.message, 'run the doctor as root, on the host')];
  } finally {
    control?.close();
  }
};
