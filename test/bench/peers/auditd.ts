import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditControl, openAuditControl } from '../../../src/audit/control/control.ts';
import { AuditSession } from '../../../src/audit/control/session.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';
import { endProcess } from '../end-process.ts';
import { cpuSeconds } from '../process-usage.ts';
import { type PeerLoad, type PeerProgram, ruleSelections } from './peer-program.ts';

const START_MS = 5_000;

/** As Debian configures it, with its log in a place of its own and never rotated. */
const configuration = (log: string): string =>
  Object.entries({
    local_events: 'yes',
    write_logs: 'yes',
    log_file: log,
    log_format: 'ENRICHED',
    flush: 'INCREMENTAL_ASYNC',
    freq: 50,
    num_logs: 2,
    max_log_file: 1000,
    max_log_file_action: 'IGNORE',
    space_left: 75,
    space_left_action: 'IGNORE',
    admin_space_left: 50,
    admin_space_left_action: 'IGNORE',
    disk_full_action: 'IGNORE',
    disk_error_action: 'IGNORE',
    name_format: 'NONE',
    q_depth: 2000,
  })
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

/** auditd in the extension's place: the same rules, its own log instead of tables. */
export class AuditdUnderTest implements PeerProgram {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #control: AuditControl;
  readonly #session: AuditSession;
  readonly #load: PeerLoad;

  private constructor(
    directory: string,
    child: ChildProcess,
    control: AuditControl,
    session: AuditSession,
    load: PeerLoad,
  ) {
    this.#directory = directory;
    this.#child = child;
    this.#control = control;
    this.#session = session;
    this.#load = load;
  }

  /** Resolves when the load's events are being logged. */
  static async start(path: string, load: PeerLoad): Promise<AuditdUnderTest> {
    const control = openAuditControl();
    const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
      // The stream is auditd's; what it needs of the kernel is set here.
      mode: 'multicast',
      allowConfig: true,
      forceReconfigure: false,
      forceUnconfigure: false,
      backlogLimit: 65_536,
      backlogWaitTime: 0,
      selection: ruleSelections[load],
    });
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    writeFileSync(join(directory, 'auditd.conf'), configuration(join(directory, 'audit.log')), {
      mode: 0o640,
    });
    const child = spawn(path, ['-n', '-s', 'nochange', '-c', directory], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const auditd = new AuditdUnderTest(directory, child, control, session, load);
    try {
      for (let left = START_MS / 10; (await control.getStatus()).pid !== child.pid; left--) {
        if (child.exitCode !== null || left === 0) throw new Error('auditd did not take the audit stream');
        await sleep(10);
      }
      await session.prepare();
      await session.enable();
      return auditd;
    } catch (error) {
      await auditd[Symbol.asyncDispose]();
      throw error;
    }
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.#child.pid!);
  }

  async end(pid: number): Promise<number> {
    await this.#stop();
    let events = 0;
    const wanted = this.#load === 'connects' ? ` pid=${pid} ` : ` ppid=${pid} `;
    for await (const line of createInterface({
      input: createReadStream(join(this.#directory, 'audit.log')),
    })) {
      if (line.startsWith('type=SYSCALL') && line.includes(wanted)) events++;
    }
    return events;
  }

  async #stop(): Promise<void> {
    await endProcess(this.#child);
    // Behind it: audit is not turned off as long as somebody owns the stream.
    await this.#session.restore();
  }

  /** Audit is as it was found afterwards. Any number of times. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#control.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
