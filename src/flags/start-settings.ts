import { auditSwitches } from './audit-flags.ts';
import type { AuditSettings, AuditSwitch } from './audit-settings.ts';

/** Telemetry is built with this setting: without fork events it looks for forks itself. */
const switchesAtOnce = (Object.keys(auditSwitches) as AuditSwitch[]).filter(
  name => name !== 'allowForkProcessEvents',
);

/** Settings that a running instance takes over at once; all others need a new start. */
const AT_ONCE: ReadonlySet<keyof AuditSettings> = new Set<keyof AuditSettings>([
  'persist',
  ...switchesAtOnce,
  'datagrams',
  'bpf',
  'exclude',
  'debug',
  'eventsOptimize',
  'eventsExpiry',
  'eventsMax',
  'limits',
  'watched',
]);

/** The same, of the limits. */
const LIMITS_AT_ONCE: ReadonlySet<string> = new Set<keyof AuditSettings['limits']>([
  'bufferBytes',
  'graceMilliseconds',
]);

/** Whether a change of settings needs a new start of what reads and keeps events. */
export const needsNewStart = (before: AuditSettings, now: AuditSettings): boolean =>
  textOf(before) !== textOf(now);

const textOf = (settings: AuditSettings): string => {
  const limits = Object.entries(settings.limits).filter(([name]) => !LIMITS_AT_ONCE.has(name));
  const others = Object.entries(settings).filter(([name]) => !AT_ONCE.has(name as keyof AuditSettings));
  return JSON.stringify([others, limits]);
};
