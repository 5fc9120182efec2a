import { AUDIT_ARCH, AUDIT_FAIL_SILENT, AUDIT_PID } from '../../src/audit/constants.ts';
import { openAuditControl } from '../../src/audit/control/control.ts';
import type { AuditRule } from '../../src/audit/control/rules.ts';
import type { AuditStatus, AuditStatusChange } from '../../src/audit/control/status.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import { Load } from '../bench/load.ts';

/** SYSCALL, SOCKADDR, PROCTITLE, EOE. */
export const RECORDS_PER_CONNECT = 4;

/**
 * Kernel audit of nothing but the connects of loads of ours: whatever else the host does makes no record, so that what was
 * lost can be reckoned to the unit.
 */
export class AuditedConnects implements AsyncDisposable {
  readonly #control = openAuditControl();
  #found!: AuditStatus;

  static async start(change: AuditStatusChange): Promise<AuditedConnects> {
    const audited = new AuditedConnects();
    audited.#found = await audited.#control.getStatus();
    // First of all: with no reader, a full backlog must hold up nobody.
    for (const setting of [{ failure: AUDIT_FAIL_SILENT }, { backlogWaitTime: 0 }, change, { enabled: 1 }]) {
      await audited.set(setting);
    }
    return audited;
  }

  async set(change: AuditStatusChange): Promise<void> {
    for (const [name, value] of Object.entries(change)) await this.#control.setStatus({ [name]: value });
  }

  async prepare(count: number, perSecond = 0): Promise<Load> {
    const load = await Load.prepare('connects', count, perSecond);
    const [architecture] = nativeArchitectures(process.arch);
    const rule: AuditRule = {
      action: 'always',
      prepend: true,
      syscalls: [architecture!.numberOf('connect')!],
      fields: [
        [AUDIT_ARCH, architecture!.arch],
        [AUDIT_PID, load.pid],
      ],
      key: 'audited-connects',
    };
    await this.#control.addRule(rule);
    return load;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { enabled, rateLimit, backlogLimit, backlogWaitTime, failure } = this.#found;
    await this.set({ enabled, rateLimit, backlogLimit });
    for (const rule of await this.#control.listRules()) {
      if (Buffer.from(rule).includes('audited-connects')) await this.#control.deleteRule(rule);
    }
    await this.set({ backlogWaitTime, failure });
    this.#control.close();
  }
}
