import type { AuditControl } from '../../src/audit/control/control.ts';
import { type AuditRule, encodeRule } from '../../src/audit/control/rules.ts';
import type { AuditStatus } from '../../src/audit/control/status.ts';
import { AuditError } from '../../src/audit/errors.ts';

export const FOUND: AuditStatus = {
  enabled: 0,
  failure: 1,
  pid: 0,
  rateLimit: 0,
  backlogLimit: 64,
  lost: 3,
  backlog: 0,
  featureBitmap: 0x7f,
  backlogWaitTime: 15_000,
};

export const foreignRule = (key: string): Uint8Array =>
  encodeRule({ action: 'always', prepend: false, syscalls: [257], fields: [], key });
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** As the kernel lists it. */
export const encodeListed = (rule: AuditRule): Uint8Array => encodeRule({ ...rule, prepend: false });

/** Status and rules as the kernel keeps them. Each exchange takes a turn of the event loop, as over a socket. */
export class FakeKernel implements AuditControl {
  status: AuditStatus = FOUND;
  rules: Uint8Array[] = [];
  readonly log: string[] = [];
  readonly deleted: string[] = [];
  /** Operations that fail, by the beginning of their log line. */
  failing: string | undefined;
  /** Rules that are refused. */
  refuses: (rule: Uint8Array) => boolean = () => false;
  /** Since Linux 5.16. */
  knowsUring = true;

  async #exchange(line: string): Promise<void> {
    await Promise.resolve();
    this.log.push(line);
    if (this.failing !== undefined && line.startsWith(this.failing)) throw new Error(`${line} failed`);
  }

  /** Source: audit_receive_msg in kernel/audit.c. */
  #refuseIfLocked(): void {
    if (this.status.enabled === 2) throw new AuditError('no-permission', 'EPERM', { errno: 1 });
  }

  async getStatus() {
    await this.#exchange('get');
    return this.status;
  }
  async setStatus(change: Parameters<AuditControl['setStatus']>[0]) {
    await this.#exchange(`set ${JSON.stringify(change)}`);
    if (!('pid' in change)) this.#refuseIfLocked();
    this.status = { ...this.status, ...change };
  }
  async addRule(rule: Parameters<AuditControl['addRule']>[0]) {
    return this.addListedRule(encodeListed(rule), rule.prepend);
  }
  async addListedRule(bytes: Uint8Array, prepend = false) {
    await this.#exchange('add');
    this.#refuseIfLocked();
    if (!this.knowsUring && bytes[0] === 7) throw new AuditError('refused', 'EINVAL', { errno: 22 });
    if (this.refuses(bytes)) throw new AuditError('refused', 'ENOSPC', { errno: 28 });
    // The kernel compares the flag too, and then forgets it.
    if (!prepend && this.rules.some(rule => hex(rule) === hex(bytes))) return false;
    if (prepend) this.rules.unshift(bytes);
    else this.rules.push(bytes);
    return true;
  }
  async deleteRule(bytes: Uint8Array) {
    await this.#exchange('delete');
    this.#refuseIfLocked();
    const before = this.rules.length;
    this.rules = this.rules.filter(rule => hex(rule) !== hex(bytes));
    if (this.rules.length < before) this.deleted.push(hex(bytes));
    return this.rules.length < before;
  }
  /** What is watched by rules for another directory. */
  readonly equivalents: string[] = [];
  async makeEquivalent(directory: string, other: string) {
    await this.#exchange(`watch ${other}`);
    this.equivalents.push(`${directory} ${other}`);
  }
  async listRules() {
    await this.#exchange('list');
    return [...this.rules];
  }
  close() {}

  /** What a session must leave as it was. */
  get state() {
    return { status: this.status, rules: this.rules.map(hex) };
  }
}

export const kernel = (status: Partial<AuditStatus> = {}, rules: readonly Uint8Array[] = []): FakeKernel => {
  const fake = new FakeKernel();
  fake.status = { ...FOUND, ...status };
  fake.rules = [...rules];
  return fake;
};
