import { constants } from 'node:os';
import { messageOf } from '../../runtime/message-of.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import {
  AUDIT_FAIL_PANIC,
  AUDIT_FAIL_SILENT,
  AUDIT_FEATURE_BITMAP_EXCLUDE_EXTEND,
  AUDIT_LOCKED,
} from '../constants.ts';
import { AuditError } from '../errors.ts';
import { FILES_KEY } from '../rule-keys.ts';
import type { Architecture } from '../syscalls.ts';
import type { AuditControl } from './control.ts';
import { exclusions } from './exclusions.ts';
import { parseListedRule, suppressesEveryTask } from './listed-rule.ts';
import type { RemovedRules } from './removed-rules.ts';
import { changesBack, statusWithout, switchesOff } from './restore-status.ts';
import {
  type AuditRule,
  anchored,
  encodeRule,
  keyWithNote,
  type LeftNote,
  leavesOutExe,
  NO_EVENTS,
  noteIn,
  ownRule,
  type PlacedStatus,
  type RestoreNote,
  type RuleSelection,
  rulesFor,
} from './rules.ts';
import type { AuditStatus } from './status.ts';
import { otherOwner, type StreamOwner } from './stream-owner.ts';
import { freeAnchor } from './watch-tree.ts';

const { EINVAL } = constants.errno;

export type StreamMode = 'unicast' | 'multicast';

export interface SessionOptions {
  readonly mode: 'auto' | StreamMode;
  /** Whether rules, enabled, failure and backlog may be changed. */
  readonly allowConfig: boolean;
  /** Removes the existing rules; they are added again at the end. */
  readonly forceReconfigure: boolean;
  /** At the end, removes rules under our key even if this process did not add them. */
  readonly forceUnconfigure: boolean;
  readonly backlogLimit: number;
  readonly backlogWaitTime: number;
  readonly selection: RuleSelection;
  /** The pid of an ended instance whose socket is still open: a process that has this pid now is not the owner. */
  readonly previousOwnerPid?: number | undefined;
  /**
   * Keeps the rules that `forceReconfigure` removes even if this process is killed. Without it, they come back only
   * at its orderly end.
   */
  readonly removedRules?: RemovedRules;
}

/** Sentences for the operator. */
const NEVER_TASK =
  'the rule "-a never,task" is in the kernel: a process that starts while it exists never has process or socket events, whatever other rules say; auditctl -d never,task removes it until /etc/audit/rules.d is loaded again';
const leftBy = (pid: number): string =>
  `an instance of this program, pid ${pid}, has ended and left its rules in the kernel: this instance takes them over, and restores audit at its end as that one had found it; without an instance, doctor --repair restores it`;
const LOCKED =
  'audit is locked until the next boot (enabled=2): rules cannot be changed, and only events of existing rules will be seen; to change that, remove "-e 2" from /etc/audit/rules.d and restart the system';
const LOCKED_MEANWHILE =
  'another program has locked audit until the next boot (enabled=2): the present rules stay in force, also those of this program after its end, and new settings cannot change them';
const MAY_PANIC =
  'the kernel is set to panic when it cannot deliver a record (failure=2), and stays so, because another process reads the stream; but the rules added here make more records';

/**
 * What this process changed in kernel audit, and how to undo it. Steps: `prepare`; then the stream claims ownership;
 * then `enable`; in between `check`, for changes by others; at the end `restore`, in any state, any number of times.
 */
export class AuditSession {
  readonly #control: AuditControl;
  readonly #architectures: readonly Architecture[];
  readonly #options: SessionOptions;
  readonly #lostAtStart: number;
  readonly #featureBitmap: number;
  /** The other process that had the stream when this one started. */
  readonly owner: StreamOwner | undefined;
  #mode: StreamMode;
  readonly #warnings: string[];
  /**
   * The state in which audit will be left: as we found it, or as a killed instance of ours had found it, plus later
   * changes by others.
   */
  #note: RestoreNote;
  /** Kernels before Linux 5.16 have no list for io_uring; only an attempt shows that. */
  #knowsUring = true;
  /** Whether rules of ours are in the kernel: added by us, or left by a killed instance and still wanted. */
  #hasRules = false;
  /** The kernel's reason for refusing a rule that watches files, by rule; until the next selection. */
  readonly #refused = new Map<string, string>();
  /** Refused rules that leave out a program. Its events are dropped here instead. */
  readonly #refusedExes = new Set<string>();
  /** The directory to which all watched directories are made equivalent, and the directories for which it was chosen. */
  #anchor: string | undefined;
  #anchoredFor = '';
  /** Whether the kernel accepts the rules for an anchor. */
  #knowsAnchors = true;
  #removedRules: readonly Uint8Array[] = [];
  #selection: RuleSelection;
  #changed = false;
  #isEnabled = false;
  #isLocked: boolean;
  /** Whether audit was on at the last check. */
  #isOn: boolean;
  #hasNeverTask: boolean;
  /** Number of rules at the last check. */
  #ruleCount: number;
  #restored: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(start: {
    readonly control: AuditControl;
    readonly architectures: readonly Architecture[];
    readonly options: SessionOptions;
    /** As they were found. */
    readonly status: AuditStatus;
    readonly rules: readonly Uint8Array[];
    readonly mode: StreamMode;
    readonly warnings: string[];
  }) {
    const { control, architectures, options, status, rules, mode, warnings } = start;
    this.#control = control;
    this.#architectures = architectures;
    this.#options = options;
    this.#selection = options.selection;
    this.#mode = mode;
    this.#warnings = warnings;
    this.#lostAtStart = status.lost;
    this.#featureBitmap = status.featureBitmap;
    this.#isOn = status.enabled !== 0;
    this.owner = ownerAtStart(status, options);
    const left = noteOf(rules);
    const pid = this.owner?.pid ?? 0;
    // A reader that started after our killed instance relies on audit being on.
    const isTheirs = left !== undefined && pid !== 0 && pid !== left.owner && status.enabled === 1;
    this.#note = {
      found: { ...(left?.found ?? status), ...(isTheirs && { enabled: 1 }) },
      owner: isTheirs ? pid : (left?.owner ?? pid),
      placed: left?.placed ?? {},
    };
    this.#isLocked = status.enabled === AUDIT_LOCKED;
    this.#hasNeverTask = hasNeverTask(rules);
    this.#ruleCount = rules.length;
  }

  /**
   * Reads the present state of audit and decides how to read the stream.
   *
   * @throws AuditError `owned` if another instance of ours has the stream or, in unicast mode, any process
   */
  static async open(
    control: AuditControl,
    architectures: readonly Architecture[],
    options: SessionOptions,
  ): Promise<AuditSession> {
    const status = await control.getStatus();
    const warnings: string[] = [];
    let mode: StreamMode = options.mode === 'multicast' ? 'multicast' : 'unicast';
    const owner = ownerAtStart(status, options);
    if (owner !== undefined && options.mode !== 'multicast') {
      if (owner.isOurs) {
        throw new AuditError(
          'owned',
          `the audit socket belongs to pid ${owner.pid}, another ${PROGRAM}: only one can read it; stop that one first`,
        );
      }
      if (options.mode === 'unicast') {
        throw new AuditError(
          'owned',
          `the audit socket belongs to pid ${owner.pid} (${owner.name}): stop it, or set custom_audit_mode to auto or multicast to share the events`,
        );
      }
      mode = 'multicast';
      warnings.push(
        `the audit socket belongs to pid ${owner.pid} (${owner.name}): reading the multicast copy instead, which loses records when they come faster than they are read (multicast_dropped of audit_status counts them); when ${owner.name} ends, the socket will be taken`,
      );
    }
    const rules = await control.listRules();
    if (status.enabled === AUDIT_LOCKED) warnings.push(LOCKED);
    else if (!options.allowConfig) {
      warnings.push(
        status.enabled === 0
          ? 'kernel audit is disabled and may not be changed, so there will be no events: set --audit_allow_config=true'
          : 'kernel audit may not be changed, so only events of existing rules will be seen: --audit_allow_config=true adds the rules that the tables need',
      );
    } else if (mode === 'multicast' && owner !== undefined && status.failure === AUDIT_FAIL_PANIC) {
      warnings.push(MAY_PANIC);
    }
    const left = noteOf(rules);
    if (left !== undefined && options.previousOwnerPid === undefined) warnings.push(leftBy(left.pid));
    const removesRules = options.forceReconfigure && options.allowConfig && status.enabled !== AUDIT_LOCKED;
    if (!removesRules && hasNeverTask(rules)) warnings.push(NEVER_TASK);
    return new AuditSession({ control, architectures, options, status, rules, mode, warnings });
  }

  /** Sentences for the operator: what will be missing, and the setting that changes it. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** The number of file rules that the kernel refused, and one reason. */
  get refusedWatches(): { readonly count: number; readonly why: string } | undefined {
    const [why] = this.#refused.values();
    return why === undefined ? undefined : { count: this.#refused.size, why };
  }

  get mode(): StreamMode {
    return this.#mode;
  }

  /** The state in which audit will be left; `lost` is the kernel's count when this process started. */
  get found(): RestoreNote['found'] & Pick<AuditStatus, 'lost'> {
    return { ...this.#note.found, lost: this.#lostAtStart };
  }

  get #mayConfigure(): boolean {
    return this.#options.allowConfig && !this.#isLocked;
  }

  /** Runs one step at a time, and none after `restore` was called, which may happen in the middle of any of them. */
  #step<T>(step: () => Promise<T>): Promise<T | undefined> {
    const done = this.#last.then(() => (this.#restored === undefined ? step() : undefined));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Makes it safe to switch audit on, and adds the rules. */
  async prepare(): Promise<void> {
    await this.#step(async () => {
      if (!this.#mayConfigure) return;
      const status = await this.#control.getStatus();
      const there = await this.#control.listRules();
      await this.#place(status, there);
      await this.#removeOthers(there);
    });
  }

  /** Replaces our rules by those of another selection. */
  async select(selection: RuleSelection): Promise<void> {
    await this.#step(async () => {
      this.#selection = selection;
      this.#refused.clear();
      this.#refusedExes.clear();
      if (this.#mayConfigure) await this.#look();
    });
  }

  async enable(): Promise<void> {
    await this.#step(async () => {
      if (!this.#mayConfigure) return;
      const { enabled } = await this.#control.getStatus();
      if (enabled === 0) await this.#control.setStatus({ enabled: 1 });
      this.#isEnabled = true;
    });
  }

  /** Adapts to the stream having been claimed or lost: some settings are only for its owner. */
  async setMode(mode: StreamMode): Promise<void> {
    await this.#step(async () => {
      this.#mode = mode;
      if (this.#mayConfigure) await this.#look();
    });
  }

  /**
   * Checks what others have changed in audit, and restores our part.
   *
   * @returns a sentence for the operator about each change
   */
  async check(): Promise<readonly string[]> {
    return (await this.#step(() => this.#check())) ?? [];
  }

  async #check(): Promise<readonly string[]> {
    const status = await this.#control.getStatus();
    const there = await this.#control.listRules();
    const changes: string[] = [];
    if (hasNeverTask(there) && !this.#hasNeverTask) changes.push(NEVER_TASK);
    this.#hasNeverTask = hasNeverTask(there);
    if (status.enabled === AUDIT_LOCKED && !this.#isLocked) {
      this.#isLocked = true;
      changes.push(LOCKED_MEANWHILE);
    }
    if (this.#mayConfigure && this.#changed) {
      changes.push(...this.#differences(status, there));
      await this.#place(status, there);
      if (this.#isEnabled && status.enabled === 0) await this.#control.setStatus({ enabled: 1 });
    } else {
      const removed = this.#ruleCount - there.length;
      if (removed > 0) {
        changes.push(
          `${removed} of the audit rules were removed by another program: events that only they matched are no longer seen; ${this.#options.allowConfig ? 'audit is locked, so they cannot be added again' : '--audit_allow_config=true adds the rules that the tables need'}`,
        );
      }
      if (this.#isOn && status.enabled === 0) {
        changes.push(
          'kernel audit was switched off by another program, and may not be changed, so there are no events: set --audit_allow_config=true',
        );
      }
    }
    this.#isOn = status.enabled !== 0;
    this.#ruleCount = (await this.#control.listRules()).length;
    return changes;
  }

  /** What others have changed of our settings. */
  #differences(status: AuditStatus, there: readonly Uint8Array[]): readonly string[] {
    const changes: string[] = [];
    const missing = this.#kept(there, false).filter(rule => !includes(there, rule)).length;
    if (missing > 0) {
      changes.push(
        `${missing} of our audit rules were removed by another program (auditctl -D, augenrules): they are in place again, but events in between were not seen`,
      );
    }
    if (this.#isEnabled && status.enabled === 0) {
      changes.push(
        'kernel audit was switched off by another program: it is on again, but events in between were not seen; at the end it will be off',
      );
    }
    const { placed } = this.#note;
    for (const [name, text] of SETTING_NAMES) {
      const ours = placed[name];
      if (ours === undefined || status[name] === ours) continue;
      changes.push(
        `${text} was set to ${status[name]} by another program: it is ${ours} again, and will be ${status[name]} at the end`,
      );
    }
    return changes;
  }

  async #look(): Promise<void> {
    await this.#place(await this.#control.getStatus(), await this.#control.listRules());
  }

  /** Applies our settings over the present ones. Values that others have set are restored at the end. */
  async #place(status: AuditStatus, there: readonly Uint8Array[]): Promise<void> {
    if (status.enabled === AUDIT_LOCKED) {
      this.#isLocked = true;
      return;
    }
    const found = statusWithout(status, this.#note);
    const placed = this.#placedStatus(found);
    this.#note = { ...this.#note, found, placed };
    this.#changed = true;
    // Before anything changes, the kernel stores how to undo it: if we are killed, the next instance reads it there.
    const [note] = this.#rules(NO_EVENTS);
    await this.#addRules([note!], there);
    // First removes what could delay or stop audited calls: with a stuck reader, a full backlog would.
    for (const [name] of SETTING_NAMES) {
      const value = placed[name] ?? found[name];
      if (value !== status[name]) await this.#control.setStatus({ [name]: value });
    }
    await this.#placeRules(there);
  }

  /** While another process reads the stream, it decides how the kernel treats it. A larger backlog harms nobody. */
  #placedStatus(found: AuditStatus): PlacedStatus {
    const { backlogLimit, backlogWaitTime } = this.#options;
    if (this.#mode === 'unicast') return { failure: AUDIT_FAIL_SILENT, backlogWaitTime, backlogLimit };
    return backlogLimit > found.backlogLimit ? { backlogLimit } : {};
  }

  /**
   * Adds the rules of the selection, and removes other rules under our key, which nobody else uses. A rule that stays
   * is never removed in between, so no event is missed and no serial is skipped.
   */
  async #placeRules(there: readonly Uint8Array[]): Promise<void> {
    this.#chooseAnchor(there);
    const [, ...wanted] = this.#rules(this.#selection);
    await this.#addRules(wanted, there);
    await this.#makeEquivalent(wanted, there);
    for (const rule of this.#exclusions(there)) {
      if (!includes(there, rule)) await this.#control.addListedRule(rule);
    }
    const kept = this.#kept(there);
    for (const rule of there) {
      if (ownRule(rule) !== undefined && !includes(kept, rule)) await this.#control.deleteRule(rule);
    }
  }

  /** Changed directories get a new anchor, because an equivalence cannot be removed from the kernel. */
  #chooseAnchor(there: readonly Uint8Array[]): void {
    const directories = JSON.stringify(anchored({ ...this.#selection, anchor: '' }));
    if (directories === this.#anchoredFor) return;
    this.#anchoredFor = directories;
    this.#anchor = this.#knowsAnchors ? freeAnchor(there) : undefined;
  }

  /** Makes the watched directories equivalent to the anchor, if its rules are new. */
  async #makeEquivalent(wanted: readonly AuditRule[], there: readonly Uint8Array[]): Promise<void> {
    const anchor = this.#anchor;
    const directories = anchored({ ...this.#selection, anchor });
    if (anchor === undefined || directories.length === 0) return;
    const ofAnchor = wanted.filter(({ fields }) => fields.some(([, value]) => value === anchor));
    if (ofAnchor.every(rule => this.#refused.has(bytesKey(encodeListed(rule))))) {
      // This host has no such directory.
      this.#knowsAnchors = false;
      this.#anchor = undefined;
      this.#refused.clear();
      const [, ...separate] = this.#rules(this.#selection);
      await this.#addRules(separate, there);
      return;
    }
    if (ofAnchor.every(rule => includes(there, encodeListed(rule)))) return;
    for (const { path } of directories) {
      try {
        await this.#control.makeEquivalent(anchor, path);
      } catch (error) {
        if (!(error instanceof AuditError)) throw error;
        this.#refused.set(path, error.message);
      }
    }
  }

  /**
   * Our rules as the kernel lists them.
   *
   * @param withExes also those that leave out programs: the kernel itself removes them with the program's directory
   */
  #kept(there: readonly Uint8Array[], withExes = true): readonly Uint8Array[] {
    const rules = this.#rules(this.#selection).filter(rule => withExes || !leavesOutExe(rule));
    return [...rules.map(encodeListed), ...this.#exclusions(there)];
  }

  /** If the stream is ours alone, the kernel need not make records that we do not read. */
  #exclusions(there: readonly Uint8Array[]): readonly Uint8Array[] {
    const knowsPid = (this.#featureBitmap & AUDIT_FEATURE_BITMAP_EXCLUDE_EXTEND) !== 0;
    return this.#mode === 'unicast' && knowsPid ? exclusions(there) : [];
  }

  #rules(selection: RuleSelection): readonly AuditRule[] {
    // While another process reads the stream, rules of others record for it, and those that leave out programs come before them.
    const excludeExes = this.#mode === 'unicast' ? (selection.excludeExes ?? []) : [];
    const rules = rulesFor(
      { ...selection, excludeExes, anchor: this.#anchor },
      this.#architectures,
      process.pid,
      keyWithNote(this.#note),
    );
    return rules.filter(
      rule =>
        (this.#knowsUring || rule.list !== 'io_uring') &&
        (rule.key !== FILES_KEY || !this.#refused.has(bytesKey(encodeListed(rule)))) &&
        !(leavesOutExe(rule) && this.#refusedExes.has(bytesKey(encodeListed(rule)))),
    );
  }

  /**
   * Existing rules are not added again: the kernel would refuse them, but write a record about it, which would make
   * the keeper check again.
   */
  async #addRules(rules: readonly AuditRule[], there: readonly Uint8Array[]): Promise<void> {
    this.#hasRules = true;
    for (const rule of rules) {
      if (includes(there, encodeListed(rule))) continue;
      try {
        await this.#control.addRule(rule);
      } catch (error) {
        if (!(error instanceof AuditError)) throw error;
        if (rule.list === 'io_uring' && error.errno === EINVAL) this.#knowsUring = false;
        else if (rule.key === FILES_KEY) this.#refused.set(bytesKey(encodeListed(rule)), error.message);
        else if (leavesOutExe(rule)) this.#refusedExes.add(bytesKey(encodeListed(rule)));
        else throw error;
      }
    }
  }

  /** Only with `forceReconfigure`. Also takes over what a killed instance had removed. */
  async #removeOthers(there: readonly Uint8Array[]): Promise<void> {
    const { forceReconfigure, removedRules } = this.#options;
    const left = noteOf(there) === undefined ? undefined : removedRules?.load();
    if (!forceReconfigure) {
      for (const rule of left ?? []) await this.#control.addListedRule(rule);
      removedRules?.clear();
      return;
    }
    const removed = [...(left ?? []), ...there.filter(rule => ownRule(rule) === undefined)];
    this.#removedRules = removed;
    try {
      if (removed.length > 0) removedRules?.save(removed);
    } catch (error) {
      this.#warnings.push(
        `the audit rules that audit_force_reconfigure removes are added again at the end, but not if this process is killed: ${messageOf(error)}`,
      );
    }
    for (const rule of there) if (ownRule(rule) === undefined) await this.#control.deleteRule(rule);
  }

  /** The note goes last: if we are killed while restoring, the next instance needs it. */
  async #deleteOwnRules(which: 'all but the note' | 'the note'): Promise<void> {
    if (!this.#hasRules && !this.#options.forceUnconfigure) return;
    for (const rule of await this.#control.listRules()) {
      if (ownRule(rule) === undefined) continue;
      if ((noteIn(rule) === undefined) === (which === 'all but the note'))
        await this.#control.deleteRule(rule);
    }
    if (which === 'the note') this.#hasRules = false;
  }

  /**
   * Restores everything as it was found. The stream must still be open: while audit is enabled without a reader, the
   * kernel writes its events to the system log.
   */
  restore(): Promise<void> {
    this.#restored ??= this.#last.then(() => this.#restore());
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const control = this.#control;
    const failures: unknown[] = [];
    const attempt = async (step: () => Promise<unknown>): Promise<void> => {
      await step().catch(error => failures.push(error));
    };
    const status = await control.getStatus();
    const changes = this.#changed && status.enabled !== AUDIT_LOCKED;
    if (changes) {
      await attempt(() => this.#deleteOwnRules('all but the note'));
      const owner = otherOwner(status.pid);
      const hasNewOwner = owner !== undefined && owner.pid !== this.#note.owner;
      if (switchesOff(status, this.#note, hasNewOwner)) {
        await attempt(() => control.setStatus({ enabled: 0 }));
      }
    }
    if (status.pid === process.pid) await attempt(() => control.setStatus({ pid: 0 }));
    if (changes) {
      for (const rule of this.#removedRules) await attempt(() => control.addListedRule(rule));
      for (const change of changesBack(status, this.#note)) await attempt(() => control.setStatus(change));
      await attempt(() => this.#deleteOwnRules('the note'));
      if (failures.length === 0) this.#options.removedRules?.clear();
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** In this order: without a reader, nothing may make audited programs wait or the system panic. */
const SETTING_NAMES: readonly (readonly [keyof PlacedStatus, string])[] = [
  ['failure', 'what the kernel does when it cannot deliver a record (failure)'],
  ['backlogWaitTime', 'the time that audited programs wait for the reader (backlog_wait_time)'],
  ['backlogLimit', 'the number of records that may wait (backlog_limit)'],
];

const ownerAtStart = (
  { pid }: AuditStatus,
  { previousOwnerPid }: Pick<SessionOptions, 'previousOwnerPid'>,
): StreamOwner | undefined => (pid === previousOwnerPid ? undefined : otherOwner(pid));

const bytesKey = (rule: Uint8Array): string => Buffer.from(rule).toString('latin1');

const encodeListed = (rule: AuditRule): Uint8Array => encodeRule({ ...rule, prepend: false });

const includes = (rules: readonly Uint8Array[], rule: Uint8Array): boolean =>
  rules.some(each => Buffer.compare(each, rule) === 0);

const hasNeverTask = (rules: readonly Uint8Array[]): boolean =>
  rules.some(rule => {
    const parsed = parseListedRule(rule);
    return parsed !== undefined && suppressesEveryTask(parsed);
  });

/** The note of the last killed instance of ours; undefined if there is none. */
const noteOf = (rules: readonly Uint8Array[]): LeftNote | undefined => {
  for (const rule of rules) {
    const note = noteIn(rule);
    if (note !== undefined) return note;
  }
  return undefined;
};
