import { readFileSync } from 'node:fs';
import { AUDIT_FAIL_SILENT, AUDIT_FEATURE_BITMAP_EXCLUDE_EXTEND, AUDIT_LOCKED } from './constants.ts';
import type { AuditControl } from './control.ts';
import { AuditError } from './errors.ts';
import { exclusions } from './exclusions.ts';
import {
  type AuditRule,
  encodeRule,
  type FoundStatus,
  foundIn,
  keyWithFound,
  ownRule,
  type RuleSelection,
  rulesFor,
} from './rules.ts';
import type { AuditStatus } from './status.ts';
import type { Architecture } from './syscalls.ts';

/** comm of our process, by which another instance of ours is known: PR_SET_NAME keeps 15 bytes. */
export const PROCESS_TITLE = 'osquery-audit-events';
const PROCESS_COMM = PROCESS_TITLE.slice(0, 15);

/** The rules of this are those that every selection has: none that an event could match. */
const NOTHING: RuleSelection = {
  processEvents: false,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: false,
  acceptSocketEvents: false,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
};

export type StreamMode = 'unicast' | 'multicast';

export interface SessionOptions {
  readonly mode: 'auto' | StreamMode;
  /** Whether rules, enabled, failure and backlog may be changed. */
  readonly allowConfig: boolean;
  /** Removes the rules that are there; they come back at the end. */
  readonly forceReconfigure: boolean;
  /** At the end removes rules under our key even if this process did not add them. */
  readonly forceUnconfigure: boolean;
  readonly backlogLimit: number;
  readonly backlogWaitTime: number;
  readonly selection: RuleSelection;
}

/**
 * What this process changed in kernel audit, and the way back. Steps: `prepare`, then the stream claims ownership,
 * then `enable`; at the end `restore`, in any state, any number of times.
 */
export class AuditSession {
  readonly #control: AuditControl;
  readonly #architectures: readonly Architecture[];
  /** Audit as it was when we came, or, when we come after an instance of ours that was killed, when that one came. */
  readonly found: AuditStatus;
  readonly #options: SessionOptions;
  readonly mode: StreamMode;
  /** Sentences for the operator: what will be missing, and the setting that changes it. */
  readonly warnings: readonly string[];
  /** Whether rules of ours are in the kernel: added by us, or left by a killed instance and still wanted. */
  #hasRules = false;
  #removedRules: Uint8Array[] = [];
  #selection: RuleSelection;
  #changed = false;
  #restored: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    control: AuditControl,
    architectures: readonly Architecture[],
    options: SessionOptions,
    found: AuditStatus,
    mode: StreamMode,
    warnings: readonly string[],
  ) {
    this.#control = control;
    this.#architectures = architectures;
    this.#options = options;
    this.#selection = options.selection;
    this.found = found;
    this.mode = mode;
    this.warnings = warnings;
  }

  /**
   * Looks at audit as it is and decides how to read it.
   *
   * @throws AuditError `owned` if another instance of ours has the stream, or anybody in unicast mode
   */
  static async open(
    control: AuditControl,
    architectures: readonly Architecture[],
    options: SessionOptions,
  ): Promise<AuditSession> {
    const now = await control.getStatus();
    const warnings: string[] = [];
    let mode: StreamMode = options.mode === 'multicast' ? 'multicast' : 'unicast';
    const owner = now.pid === 0 || now.pid === process.pid ? undefined : describeOwner(now.pid);
    const mayConfigure = options.allowConfig && now.enabled !== AUDIT_LOCKED;
    const found = owner === undefined && mayConfigure ? { ...now, ...(await foundByKilled(control)) } : now;
    if (owner !== undefined && options.mode !== 'multicast') {
      if (owner.isOurs) {
        throw new AuditError(
          'owned',
          `the audit socket belongs to pid ${found.pid}, another ${PROCESS_TITLE}: only one can read it; stop that one first`,
        );
      }
      if (options.mode === 'unicast') {
        throw new AuditError(
          'owned',
          `the audit socket belongs to pid ${found.pid} (${owner.name}): stop it, or set custom_audit_mode to auto or multicast to share the events`,
        );
      }
      mode = 'multicast';
      warnings.push(
        `the audit socket belongs to pid ${found.pid} (${owner.name}): reading the multicast copy instead, which loses records when they come faster than they are read (multicast_dropped of audit_status counts them); stop ${owner.name} to get the socket`,
      );
    }
    if (found.enabled === AUDIT_LOCKED) {
      warnings.push(
        'audit is locked until the next boot (enabled=2): rules cannot be changed, only events of the rules that are there will be seen',
      );
    } else if (!options.allowConfig) {
      warnings.push(
        found.enabled === 0
          ? 'kernel audit is disabled and may not be changed, so there will be no events: set --audit_allow_config=true'
          : 'kernel audit may not be changed, so only events of the rules that are there will be seen: --audit_allow_config=true adds what the tables need',
      );
    }
    return new AuditSession(control, architectures, options, found, mode, warnings);
  }

  get #mayConfigure(): boolean {
    return this.#options.allowConfig && this.found.enabled !== AUDIT_LOCKED;
  }

  /** One step at a time, and none once `restore` was called: it may come in the middle of any of them. */
  #step(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(() =>
      this.#mayConfigure && this.#restored === undefined ? step() : undefined,
    );
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Makes it safe to switch audit on, and puts the rules in place. */
  prepare(): Promise<void> {
    return this.#step(() => this.#prepare());
  }

  async #prepare(): Promise<void> {
    const control = this.#control;
    const there = await control.listRules();
    this.#changed = true;
    // Before anything changes, the kernel is told how to undo it: should we be killed, the next instance reads it there.
    await this.#addRules(this.#rules(NOTHING));
    // With a reader that is stuck, a full backlog would make every audited call sleep, or panic.
    await control.setStatus({ failure: AUDIT_FAIL_SILENT });
    await control.setStatus({ backlogWaitTime: this.#options.backlogWaitTime });
    await control.setStatus({ backlogLimit: this.#options.backlogLimit });
    await this.#placeRules(there);
    if (!this.#options.forceReconfigure) return;
    for (const rule of there) {
      if (ownRule(rule) === undefined && (await control.deleteRule(rule))) this.#removedRules.push(rule);
    }
  }

  /**
   * Brings the rules of the selection into force, and takes away those under our key that are not of it: nobody else runs
   * under that key. What is there and stays is never taken away in between: what happens meanwhile has a serial, and is
   * missing in nobody's accounts.
   */
  async #placeRules(there: readonly Uint8Array[]): Promise<void> {
    const [note, ...wanted] = this.#rules(this.#selection);
    // Not the first one again: the kernel does not know a rule that was put before others for the same.
    await this.#addRules(wanted);
    await this.#exclude(there);
    const kept = [...[{ ...note!, prepend: false }, ...wanted].map(encodeRule), ...exclusions(there)];
    for (const rule of there) {
      if (ownRule(rule) === undefined || kept.some(keep => Buffer.compare(keep, rule) === 0)) continue;
      await this.#control.deleteRule(rule);
    }
  }

  /** Where the stream is ours alone, records that we do not read need not be made. */
  async #exclude(listed: readonly Uint8Array[]): Promise<void> {
    if (this.mode !== 'unicast') return;
    if ((this.found.featureBitmap & AUDIT_FEATURE_BITMAP_EXCLUDE_EXTEND) === 0) return;
    for (const rule of exclusions(listed)) await this.#control.addListedRule(rule);
  }

  #rules(selection: RuleSelection): readonly AuditRule[] {
    return rulesFor(selection, this.#architectures, process.pid, keyWithFound(this.found));
  }

  async #addRules(rules: readonly AuditRule[]): Promise<void> {
    this.#hasRules = true;
    for (const rule of rules) await this.#control.addRule(rule);
  }

  /** Replaces our rules by those of another selection. */
  select(selection: RuleSelection): Promise<void> {
    return this.#step(async () => {
      this.#selection = selection;
      await this.#placeRules(await this.#control.listRules());
    });
  }

  enable(): Promise<void> {
    return this.#step(async () => {
      if (this.found.enabled === 0) await this.#control.setStatus({ enabled: 1 });
    });
  }

  async #deleteOwnRules(): Promise<void> {
    if (!this.#hasRules && !this.#options.forceUnconfigure) return;
    for (const rule of await this.#control.listRules()) {
      if (ownRule(rule) !== undefined) await this.#control.deleteRule(rule);
    }
    this.#hasRules = false;
  }

  /**
   * Puts everything back as it was found. The stream must still be open: while audit is enabled without a reader,
   * the kernel writes its events to the system log.
   */
  restore(): Promise<void> {
    this.#restored ??= this.#last.then(() => this.#restore());
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (step: () => Promise<unknown>): Promise<void> => {
      await step().catch(error => failures.push(error));
    };
    if (this.#changed) {
      await attempt(() => this.#deleteOwnRules());
      await attempt(() => this.#control.setStatus({ enabled: this.found.enabled }));
    }
    await attempt(async () => {
      if ((await this.#control.getStatus()).pid === process.pid) await this.#control.setStatus({ pid: 0 });
    });
    if (this.#changed) {
      for (const rule of this.#removedRules) await attempt(() => this.#control.addListedRule(rule));
      const { backlogLimit, backlogWaitTime, failure } = this.found;
      await attempt(() => this.#control.setStatus({ backlogLimit }));
      await attempt(() => this.#control.setStatus({ backlogWaitTime }));
      await attempt(() => this.#control.setStatus({ failure }));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** What an instance of ours found that was killed, and so has not put back; undefined if none was. */
const foundByKilled = async (control: AuditControl): Promise<FoundStatus | undefined> => {
  for (const rule of await control.listRules()) {
    const found = foundIn(rule);
    if (found !== undefined) return found;
  }
  return undefined;
};

interface Owner {
  readonly name: string;
  readonly isOurs: boolean;
}

/** undefined if the process is gone: the kernel notices when the next one asks. */
const describeOwner = (pid: number): Owner | undefined => {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
    return { name, isOurs: name === PROCESS_COMM };
  } catch {
    return undefined;
  }
};
