import { AUDIT_LOCKED } from '../../audit/constants.ts';
import { type ListedRule, parseListedRule } from '../../audit/control/listed-rule.ts';
import { ownRule, RULE_KEY } from '../../audit/control/rules.ts';
import { nativeArchitectures, type SyscallName } from '../../audit/syscalls.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import { extensionPresence } from '../extension-presence.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag } from '../flag-view.ts';

const CHECK = 'our rules';

/** The system calls that each table needs, by the flag that switches it on. */
const neededCalls: readonly (readonly [flag: string, calls: readonly SyscallName[]])[] = [
  ['audit_allow_process_events', ['execve']],
  ['audit_allow_sockets', ['connect', 'bind']],
];

/** Whether the extension's rules are in the kernel while it runs, and gone when it does not. */
export const checkOwnRules = (
  facts: Pick<Facts, 'host' | 'audit' | 'core' | 'flags' | 'config' | 'processes'>,
): readonly CheckResult[] => {
  const { audit } = facts;
  if (audit.kind !== 'read') return [];
  const rules = audit.rules
    .filter(rule => ownRule(rule) !== undefined)
    .map(parseListedRule)
    .filter(rule => rule !== undefined);
  switch (extensionPresence(facts).kind) {
    case 'unknown':
      return [
        unknown(
          CHECK,
          `${rules.length} with the key ${RULE_KEY}; whether the extension is running cannot be seen`,
          'run the doctor as root',
        ),
      ];
    case 'absent':
      return [
        rules.length === 0 || audit.status.enabled === AUDIT_LOCKED
          ? ok(CHECK, `${count(rules.length)}; the extension, which is not running, adds them`)
          : problem(
              CHECK,
              `${count(rules.length)} left by a killed extension`,
              'run "osquery-audit-events doctor --repair", which puts audit back as that extension had found it; or start the extension, which takes the rules over and puts audit back when it ends',
            ),
      ];
    case 'present': {
      const missing = missingCalls(rules, facts);
      if (rules.length > 0 && missing.length === 0) return [ok(CHECK, `${count(rules.length)} in place`)];
      return [
        problem(
          CHECK,
          rules.length === 0
            ? `no rule with the key ${RULE_KEY} is in the kernel although the extension is running`
            : `${count(rules.length)} in place, but none for ${missing.join(', ')}`,
          effectiveFlag(facts, 'audit_allow_config') === 'false'
            ? 'set --audit_allow_config=true, so that the extension may add its rules, and restart osqueryd'
            : 'another program has removed them (auditctl -D, augenrules): prevent that, and restart the extension',
        ),
      ];
    }
  }
};

const missingCalls = (
  rules: readonly ListedRule[],
  facts: Pick<Facts, 'core' | 'flags' | 'config'>,
): readonly SyscallName[] => {
  const { numberOf } = nativeArchitectures(process.arch)[0]!;
  return neededCalls
    .filter(([flag]) => effectiveFlag(facts, flag) === 'true')
    .flatMap(([, calls]) => calls)
    .filter(
      call =>
        !rules.some(rule => rule.list === 'exit' && !rule.never && rule.hasSyscall(numberOf(call) ?? -1)),
    );
};

const count = (rules: number): string => (rules === 1 ? '1 rule' : `${rules} rules`);
