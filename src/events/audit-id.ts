import type { AuditEvent } from '../audit/audit-event.ts';

let knownSeconds = -1;
let knownMilliseconds = -1;
let stamp = '';

/**
 * An event's timestamp and serial as in the header of its records: `1364481363.243:24287`. Events of one tick of audit's
 * clock have all but the serial in common.
 */
export const auditId = ({
  seconds,
  milliseconds,
  serial,
}: Pick<AuditEvent, 'seconds' | 'milliseconds' | 'serial'>): string => {
  if (seconds !== knownSeconds || milliseconds !== knownMilliseconds) {
    knownSeconds = seconds;
    knownMilliseconds = milliseconds;
    stamp = `${seconds}.${String(milliseconds).padStart(3, '0')}:`;
  }
  return stamp + serial;
};
