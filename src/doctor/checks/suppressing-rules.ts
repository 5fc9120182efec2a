import {
  AUDIT_CWD,
  AUDIT_EOE,
  AUDIT_EQUAL,
  AUDIT_EXECVE,
  AUDIT_PATH,
  AUDIT_SOCKADDR,
  AUDIT_SYSCALL,
} from '../../audit/constants.ts';
import { type ListedRule, parseListedRule, type RuleField } from '../../audit/control/listed-rule.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';

const TASK = 'never,task rules';
const EXCLUDE = 'exclude rules';
const WHERE = '/etc/audit/audit.rules and /etc/audit/rules.d/*.rules';

/** Rules of others that prevent events from being recorded. */
export const checkSuppressingRules = ({ audit }: Pick<Facts, 'audit'>): readonly CheckResult[] => {
  if (audit.kind !== 'read') return [];
  const rules = audit.rules.map(parseListedRule).filter(rule => rule !== undefined);
  return [checkTaskRules(rules), checkExcludeRules(rules)];
};

/** Some distributions put `-a never,task` into their rules, to switch off system call auditing cheaply. */
const checkTaskRules = (rules: readonly ListedRule[]): CheckResult => {
  const never = rules.filter(({ list, never }) => list === 'task' && never);
  if (never.length === 0) return ok(TASK, 'no rule prevents processes from being audited');
  return never.some(({ fields }) => fields.length === 0)
    ? problem(
        TASK,
        'the rule "-a never,task" prevents every new process from being audited, whatever other rules say',
        `auditctl -d never,task, remove the line from ${WHERE}, and restart the programs that already run`,
      )
    : unknown(
        TASK,
        'a rule "-a never,task" with conditions prevents some processes from being audited',
        `check it with auditctl -l; unless you want it, remove it from the kernel and from ${WHERE}`,
      );
};

/** Types of records that rows are made of. */
const neededTypes: readonly (readonly [type: number, name: string])[] = [
  [AUDIT_SYSCALL, 'SYSCALL'],
  [AUDIT_EXECVE, 'EXECVE'],
  [AUDIT_PATH, 'PATH'],
  [AUDIT_CWD, 'CWD'],
  [AUDIT_SOCKADDR, 'SOCKADDR'],
  [AUDIT_EOE, 'EOE'],
  [1100, 'USER_AUTH'],
  [1112, 'USER_LOGIN'],
];

/** Source: linux/audit.h. */
const AUDIT_MSGTYPE = 12;
const AUDIT_LESS_THAN = 0x10000000;
const AUDIT_GREATER_THAN = 0x20000000;
const AUDIT_NOT_EQUAL = AUDIT_LESS_THAN | AUDIT_GREATER_THAN;
const AUDIT_LESS_THAN_OR_EQUAL = AUDIT_LESS_THAN | AUDIT_EQUAL;
const AUDIT_GREATER_THAN_OR_EQUAL = AUDIT_GREATER_THAN | AUDIT_EQUAL;

/** In this list the action has no meaning: whatever matches is dropped. */
const checkExcludeRules = (rules: readonly ListedRule[]): CheckResult => {
  const excluded = neededTypes
    .filter(([type]) =>
      rules.some(
        ({ list, fields }) =>
          list === 'exclude' &&
          fields.length > 0 &&
          fields.every(field => field.field === AUDIT_MSGTYPE && holds(field, type)),
      ),
    )
    .map(([, name]) => name);
  return excluded.length === 0
    ? ok(EXCLUDE, 'no rule drops records that rows need')
    : problem(
        EXCLUDE,
        `records of type ${excluded.join(', ')} are dropped by rules of the exclude list`,
        `auditctl -d always,exclude -F msgtype=TYPE for each, and remove the lines from ${WHERE}`,
      );
};

const holds = ({ op, value }: RuleField, type: number): boolean => {
  switch (op) {
    case AUDIT_EQUAL:
      return type === value;
    case AUDIT_NOT_EQUAL:
      return type !== value;
    case AUDIT_LESS_THAN:
      return type < value;
    case AUDIT_GREATER_THAN:
      return type > value;
    case AUDIT_LESS_THAN_OR_EQUAL:
      return type <= value;
    case AUDIT_GREATER_THAN_OR_EQUAL:
      return type >= value;
    default:
      return false;
  }
};
