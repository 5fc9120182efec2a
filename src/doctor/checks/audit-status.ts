import { AUDIT_FAIL_PANIC, AUDIT_LOCKED } from '../../audit/constants.ts';
import { ownRule } from '../../audit/control/rules.ts';
import type { AuditStatus } from '../../audit/control/status.ts';
import { CUSTOM_PREFIX } from '../../flags/custom-options.ts';
import { PROGRAM_COMM } from '../../runtime/program-name.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import { extensionPresence } from '../extension-presence.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag, flagfileName } from '../flag-view.ts';

const STATUS = 'audit status';
const ENABLED = 'audit enabled';
const OWNER = 'audit owner';

/** Share of the backlog limit from which on records are about to be lost. */
const NEARLY_FULL = 0.9;

/** The kernel's audit status, as in `auditctl -s`, and its meaning. */
export const checkAuditStatus = (
  facts: Pick<Facts, 'host' | 'audit' | 'core' | 'flags' | 'config' | 'processes'>,
): readonly CheckResult[] => {
  const { host, audit } = facts;
  if (host.platform !== 'linux') return [];
  if (audit.kind === 'unreadable') {
    return [unknown(STATUS, audit.why, host.isRoot ? 'see the lines above' : 'run the doctor as root')];
  }
  const { status } = audit;
  return [
    ok(STATUS, statusText(status)),
    checkEnabled(facts, audit),
    checkOwner(facts, status),
    ...checkLosses(facts, status),
  ];
};

const statusText = (status: AuditStatus): string =>
  [
    `enabled ${status.enabled}`,
    `failure ${status.failure}`,
    `pid ${status.pid}`,
    `rate_limit ${status.rateLimit}`,
    `backlog_limit ${status.backlogLimit}`,
    `lost ${status.lost}`,
    `backlog ${status.backlog}`,
    `backlog_wait_time ${status.backlogWaitTime}`,
  ].join(', ');

const checkEnabled = (
  facts: Pick<Facts, 'core' | 'flags' | 'processes'>,
  audit: Extract<Facts['audit'], { kind: 'read' }>,
): CheckResult => {
  const presence = extensionPresence(facts);
  switch (audit.status.enabled) {
    case AUDIT_LOCKED: {
      const locked = '2: locked, so that nobody can change a rule before the next boot';
      return audit.rules.some(rule => ownRule(rule) !== undefined)
        ? ok(ENABLED, `${locked}; our rules are in place`)
        : problem(
            ENABLED,
            `${locked}; our rules are not in place, so only events that other rules record are seen`,
            'remove the line "-e 2" from /etc/audit/audit.rules and /etc/audit/rules.d/*.rules, then restart the system',
          );
    }
    case 0:
      if (presence.kind === 'absent')
        return ok(ENABLED, '0: off; the extension, which is not running, switches it on');
      if (presence.kind === 'unknown') {
        return unknown(
          ENABLED,
          '0: off, and whether the extension is running cannot be seen',
          'run the doctor as root',
        );
      }
      return problem(
        ENABLED,
        '0: off although the extension is running, so there are no events',
        effectiveFlag(facts, 'audit_allow_config') === 'true'
          ? 'restart the extension, which switches it on; or find out who switched it off (auditctl -e 0)'
          : `put --audit_allow_config=true into ${flagfileName(facts)} and restart osqueryd, so that the extension can switch it on`,
      );
    default:
      return ok(ENABLED, `${audit.status.enabled}: on`);
  }
};

const checkOwner = (
  facts: Pick<Facts, 'core' | 'flags' | 'config' | 'processes'>,
  { pid }: AuditStatus,
): CheckResult => {
  if (pid === 0) {
    if (extensionPresence(facts).kind !== 'present') return ok(OWNER, 'nobody has the audit socket');
    return effectiveFlag(facts, `${CUSTOM_PREFIX}mode`) === 'multicast'
      ? ok(OWNER, `nobody has the audit socket; ${CUSTOM_PREFIX}mode=multicast does not take it`)
      : problem(
          OWNER,
          'nobody has the audit socket although the extension is running',
          `restart the extension and read its messages in osqueryd's log; this is right only with ${CUSTOM_PREFIX}mode=multicast`,
        );
  }
  const comm = facts.processes.names.get(pid);
  switch (comm) {
    case PROGRAM_COMM:
      return ok(OWNER, `the extension, pid ${pid}, has the audit socket`);
    case undefined:
      return unknown(
        OWNER,
        `pid ${pid} has the audit socket, but no such process is visible`,
        'if it has ended, the next process that asks gets the socket: start the extension again',
      );
    case 'osqueryd':
    case 'osqueryi':
      return problem(
        OWNER,
        `osquery itself (${comm}, pid ${pid}) has the audit socket`,
        `put --disable_audit=true into ${flagfileName(facts)} and restart osqueryd, so that the extension can have it`,
      );
    default:
      return problem(
        OWNER,
        `${comm}, pid ${pid}, has the audit socket, so the extension can read only the multicast copy`,
        `stop ${comm}, and keep it from starting at boot`,
      );
  }
};

const checkLosses = (
  facts: Pick<Facts, 'flags'>,
  { failure, rateLimit, backlog, backlogLimit, lost }: AuditStatus,
): readonly CheckResult[] => {
  const results: CheckResult[] = [];
  const raise = `raise --audit_backlog_limit in ${flagfileName(facts)} (65536 is a good value) and restart osqueryd`;
  if (failure === AUDIT_FAIL_PANIC) {
    results.push(
      problem(
        'audit failure',
        '2: the system panics when a record cannot be delivered',
        'auditctl -f 1, and remove "-f 2" from /etc/audit/rules.d/*.rules, unless you want that',
      ),
    );
  }
  if (rateLimit > 0) {
    results.push(
      problem(
        'audit rate_limit',
        `${rateLimit}: the kernel drops records above this number a second`,
        'auditctl -r 0, and remove "-r" from /etc/audit/rules.d/*.rules',
      ),
    );
  }
  if (backlogLimit > 0 && backlog >= backlogLimit * NEARLY_FULL) {
    results.push(
      problem('audit backlog', `${backlog} of ${backlogLimit} records wait: the next ones are lost`, raise),
    );
  }
  if (lost > 0) {
    results.push(
      unknown(
        'audit lost',
        `${lost} records lost since boot; the kernel does not say when, or whose they were`,
        `look again later: if the number grows, ${raise}`,
      ),
    );
  }
  return results;
};
