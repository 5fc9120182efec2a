import { isSameTable, prefixedName } from '../../../tables/table-name.ts';
import { AUDIT_LOCKED } from '../../audit/constants.ts';
import { ownRule } from '../../audit/control/rules.ts';
import { isTableDisabled } from '../../flags/disabled-tables.ts';
import { liveEvents } from '../../runtime/host-facts.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import { extensionPresence } from '../extension-presence.ts';
import type { ReadFacts, RunningCore } from '../facts.ts';
import { effectiveFlag, flagfileName } from '../flag-view.ts';
import type { SelfTestPlan } from './self-test-result.ts';

const TABLE = 'process_events';

/**
 * Chooses where to look for the row of a test program: in the running osquery if it has our tables, else in kernel
 * audit itself if nobody else uses it. It never touches audit that belongs to somebody else.
 */
export const planSelfTest = (facts: ReadFacts): SelfTestPlan => {
  const { core, host, audit } = facts;
  if (core.kind === 'running' && core.extensions.has(PROGRAM)) return throughOsquery(facts, core);
  if (host.platform !== 'linux') {
    return skip(
      'no running osquery has the extension, and this system has no other way to test',
      'start osqueryd with the extension, and name its socket: --socket PATH',
    );
  }
  const live = liveEvents(host);
  if (live.kind === 'impossible') return skip(live.why, 'run the doctor as root on the host');
  if (audit.kind === 'unreadable') return skip(audit.why, 'run the doctor as root on the host');

  const { pid, enabled } = audit.status;
  const owner = facts.processes.names.get(pid);
  if (pid !== 0 && (owner !== undefined || !facts.processes.complete)) {
    return skip(
      `the audit socket belongs to ${owner ?? 'a process'} (pid ${pid})`,
      'test through the osquery that has the extension: --socket PATH; or stop that process first',
    );
  }
  switch (extensionPresence(facts).kind) {
    case 'present':
      return skip(
        'an extension is running that is not registered with the osquery asked here',
        'name the socket of the osquery that it belongs to: --socket PATH',
      );
    case 'unknown':
      return skip('it cannot be seen whether an extension is running', 'run the doctor as root');
    case 'absent':
      break;
  }
  if (enabled === AUDIT_LOCKED) return skip('audit is locked until the next boot', 'see audit enabled');
  if (audit.rules.some(rule => ownRule(rule) !== undefined)) {
    return skip('rules of a killed extension are still in the kernel', 'see our rules');
  }
  return { kind: 'kernel' };
};

const throughOsquery = (facts: ReadFacts, core: RunningCore): SelfTestPlan => {
  if (effectiveFlag(facts, 'audit_allow_process_events') === 'false') {
    return skip(
      '--audit_allow_process_events is false, so no program is recorded',
      `put --audit_allow_process_events=true into ${flagfileName(facts)} and restart osqueryd`,
    );
  }
  const isNative = core.tables?.some(({ name, native }) => native && isSameTable(name, TABLE)) ?? false;
  return {
    kind: 'osquery',
    socketPath: core.path,
    table: isNative && !isTableDisabled(TABLE, core.options) ? prefixedName(TABLE) : TABLE,
  };
};

const skip = (why: string, fix: string): SelfTestPlan => ({ kind: 'skip', why, fix });
