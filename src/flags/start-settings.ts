import { auditSwitches } from './audit-flags.ts';
import type { AuditSettings, AuditSwitch } from './audit-settings.ts';

/** Telemetry is made with it: without news of forks it looks for them itself. */
const switchesAtOnce = (Object.keys(auditSwitches) as AuditSwitch[]).filter(
  name => name !== 'allowForkProcessEvents',
);

/** Settings that what runs takes over as it runs; what has any other one was made with it. */
const AT_ONCE: ReadonlySet<keyof AuditSettings> = new Set<keyof AuditSettings>([
  'persist',
  ...switchesAtOnce,
  'datagrams',
  'exclude',
  'debug',
  'eventsOptimize',
  'eventsExpiry',
  'eventsMax',
  'limits',
  'watched',
]);

/** … of the limits. */
const LIMITS_AT_ONCE: ReadonlySet<string> = new Set<keyof AuditSettings['limits']>([
  'bufferBytes',
  'graceMilliseconds',
]);

/** Whether a change of settings takes a new start of what reads and keeps events. */
export const needsNewStart = (before: AuditSettings, now: AuditSettings): boolean =>
  textOf(before) !== textOf(now);

const textOf = (settings: AuditSettings): string => {
  const limits = Object.entries(settings.limits).filter(([name]) => !LIMITS_AT_ONCE.has(name));
  const others = Object.entries(settings).filter(([name]) => !AT_ONCE.has(name as keyof AuditSettings));
  return JSON.stringify([others, limits]);
};
