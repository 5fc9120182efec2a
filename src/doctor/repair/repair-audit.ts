import { AUDIT_LOCKED } from '../../audit/constants.ts';
import type { AuditControl } from '../../audit/control/control.ts';
import type { RemovedRules } from '../../audit/control/removed-rules.ts';
import { changesBack, statusWithout, switchesOff } from '../../audit/control/restore-status.ts';
import { type LeftNote, noteIn, ownRule, type PlacedStatus, RULE_KEY } from '../../audit/control/rules.ts';
import type { AuditStatus } from '../../audit/control/status.ts';
import type { StreamOwner } from '../../audit/control/stream-owner.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { ExtensionPresence } from '../extension-presence.ts';

export interface RepairOptions {
  readonly control: Pick<
    AuditControl,
    'getStatus' | 'setStatus' | 'listRules' | 'deleteRule' | 'addListedRule'
  >;
  /** Rules of others that the dead instance removed. */
  readonly removedRules: Pick<RemovedRules, 'load' | 'clear'>;
  /** Whether an instance runs. */
  readonly presence: ExtensionPresence;
  /** The living process behind the pid of an owner, unless it is this one. */
  readonly ownerOf: (pid: number) => StreamOwner | undefined;
}

/** Name of the report's lines about the repair as a whole. */
export const REPAIR = 'repair';
const RULES = 'our rules';
const OWNER = 'audit owner';
const ENABLED = 'audit enabled';
const SETTINGS = 'audit settings';

/**
 * Puts audit back as it was before an instance of ours that was killed; the key of one of its rules holds what it had
 * found. Changes nothing while an instance is running or another process has the stream.
 *
 * @returns a line for each thing that was done, or why nothing was
 */
export const repairAudit = async (options: RepairOptions): Promise<readonly CheckResult[]> => {
  const { control } = options;
  const status = await control.getStatus();
  const rules = (await control.listRules()).filter(rule => ownRule(rule) !== undefined);
  const refusal = whyNot(options, status, rules.length);
  if (refusal !== undefined) return [refusal];
  const ownerIsGone = status.pid !== 0;
  if (rules.length === 0 && !ownerIsGone) {
    return [ok(REPAIR, `nothing to do: no rule with the key ${RULE_KEY} is in the kernel`)];
  }

  const results: CheckResult[] = [];
  /** One step, and what to report when it is done. */
  const attempt = async (check: string, done: string, step: () => Promise<unknown>): Promise<void> => {
    try {
      await step();
      results.push(ok(check, done));
    } catch (error) {
      const why = messageOf(error);
      results.push(problem(check, `not done: ${done} (${why})`, 'run the doctor with --repair again'));
    }
  };
  const remove = async (which: readonly Uint8Array[]): Promise<void> => {
    for (const rule of which) await control.deleteRule(rule);
  };

  const note = rules.map(noteIn).find(found => found !== undefined);
  const notes = rules.filter(rule => noteIn(rule) !== undefined);
  const others = rules.filter(rule => noteIn(rule) === undefined);
  if (others.length > 0) {
    await attempt(RULES, `${count(others.length)} with the key ${RULE_KEY} removed`, () => remove(others));
  }
  if (note !== undefined && switchesOff(status, note, false)) {
    await attempt(ENABLED, '0 again, as it was found', () => control.setStatus({ enabled: 0 }));
  }
  if (ownerIsGone) {
    const done = `nobody: pid ${status.pid}, which was entered there, has ended`;
    await attempt(OWNER, done, () => control.setStatus({ pid: 0 }));
  }
  if (note === undefined) {
    if (rules.length > 0) results.push(unknownSettings(status));
    const removed = options.removedRules.load().length;
    if (removed > 0) results.push(unknownRules(removed));
  } else {
    await putBack(options, attempt);
    for (const change of changesBack(status, note)) {
      const [[name, value]] = Object.entries(change) as [[SettingName, number]];
      const done = `${value} again, as it was found; pid ${note.pid} had set ${status[name]}`;
      await attempt(settingNames[name], done, () => control.setStatus(change));
    }
    results.push(...changedSince(status, note));
    // This comes last, after all else succeeded: another attempt would need this rule to know what to restore.
    if (results.every(({ status }) => status === 'ok')) {
      const done = `the rule in which pid ${note.pid} had noted what it found is removed`;
      await attempt(RULES, done, () => remove(notes));
    }
  }
  return [...results, await verify(options, status, note)];
};

const whyNot = (
  { presence, ownerOf }: RepairOptions,
  status: AuditStatus,
  rules: number,
): CheckResult | undefined => {
  const owner = ownerOf(status.pid);
  if (presence.kind === 'present' || owner?.isOurs === true) {
    const pid = presence.kind === 'present' ? presence.pid : owner?.pid;
    return problem(
      REPAIR,
      `refused: an instance is running${pid === undefined ? '' : `, pid ${pid}`}, and the rules and settings in the kernel are its own`,
      'stop it with SIGTERM: it puts audit back as it found it',
    );
  }
  if (presence.kind === 'unknown') {
    return problem(
      REPAIR,
      'refused: it cannot be seen whether an instance is running',
      'run the doctor as root, in the pid namespace of the host',
    );
  }
  if (owner !== undefined) {
    return problem(
      REPAIR,
      `refused: the audit socket belongs to ${owner.name}, pid ${owner.pid}, which relies on the present state of audit`,
      `stop ${owner.name} and repair again; or start the extension, which takes over what was left and restores audit when it ends`,
    );
  }
  if (status.enabled === AUDIT_LOCKED && rules > 0) {
    return problem(
      REPAIR,
      `refused: audit is locked until the next boot (enabled=2), with ${count(rules)} of ours in it`,
      'restart the system, which removes them',
    );
  }
  return undefined;
};

/** Rules of others are added again in their old order. */
const putBack = async (
  { control, removedRules }: RepairOptions,
  attempt: (check: string, done: string, step: () => Promise<unknown>) => Promise<void>,
): Promise<void> => {
  const removed = removedRules.load();
  if (removed.length === 0) return;
  await attempt('rules of others', `${count(removed.length)} put back`, async () => {
    for (const rule of removed) await control.addListedRule(rule);
    removedRules.clear();
  });
};

type SettingName = keyof PlacedStatus;
const settingNames: Readonly<Record<SettingName, string>> = {
  failure: 'audit failure',
  backlogLimit: 'audit backlog_limit',
  backlogWaitTime: 'audit backlog_wait_time',
};

/** Values that somebody else has set after the instance are left alone. */
const changedSince = (status: AuditStatus, { pid, found, placed }: LeftNote): readonly CheckResult[] =>
  (Object.keys(settingNames) as SettingName[])
    .filter(name => placed[name] !== undefined && status[name] !== placed[name])
    .filter(name => status[name] !== found[name])
    .map(name =>
      ok(
        settingNames[name],
        `stays ${status[name]}: it was changed after pid ${pid} set ${placed[name]}; before that it was ${found[name]}`,
      ),
    );

const unknownSettings = ({ enabled, failure, backlogLimit, backlogWaitTime }: AuditStatus): CheckResult =>
  unknown(
    SETTINGS,
    `enabled ${enabled}, failure ${failure}, backlog_limit ${backlogLimit}, backlog_wait_time ${backlogWaitTime} stay: the rule that noted their earlier values is gone`,
    "if nobody else uses audit, the kernel's own are auditctl -e 0 -f 1 -b 64 --backlog_wait_time 15000",
  );

const unknownRules = (removed: number): CheckResult =>
  unknown(
    'rules of others',
    `${count(removed)} that an instance took away (audit_force_reconfigure) are not added again: without that rule it is not known whether they still belong there`,
    'augenrules --load, or auditctl -R /etc/audit/audit.rules, loads those of this system',
  );

const verify = async (
  { control }: RepairOptions,
  before: AuditStatus,
  note: LeftNote | undefined,
): Promise<CheckResult> => {
  const now = await control.getStatus();
  const rules = await control.listRules();
  const own = rules.filter(rule => ownRule(rule) !== undefined).length;
  const meant = note === undefined ? before : statusWithout(before, note);
  const names = ['enabled', 'failure', 'backlogLimit', 'backlogWaitTime'] as const;
  const wrong = names
    .filter(name => now[name] !== meant[name])
    .map(name => `${name} is ${now[name]} instead of ${meant[name]}`);
  if (own > 0) wrong.push(`${count(own)} of ours ${own === 1 ? 'is' : 'are'} still there`);
  if (now.pid !== 0) wrong.push(`pid ${now.pid} has the audit socket`);
  return wrong.length === 0
    ? ok(
        REPAIR,
        `now enabled ${now.enabled}, failure ${now.failure}, backlog_limit ${now.backlogLimit}, backlog_wait_time ${now.backlogWaitTime}, no owner, no rule of ours, ${count(rules.length)} of others`,
      )
    : problem(
        REPAIR,
        wrong.join(', '),
        'run the doctor with --repair again; auditctl -s and auditctl -l show the present state',
      );
};

const count = (rules: number): string => (rules === 1 ? '1 rule' : `${rules} rules`);
