import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditControl, openAuditControl } from '../../../src/audit/control/control.ts';
import type { AuditStatus } from '../../../src/audit/control/status.ts';
import { endProcess } from '../end-process.ts';
import { cpuSeconds } from '../process-usage.ts';
import type { PeerLoad, PeerProgram } from './peer-program.ts';

const START_MS = 15_000;
const LOOK_MS = 50;

/** The same limits that `auditOptions` sets for the extension. */
const eventFlags = (load: PeerLoad): Readonly<Record<string, string>> => ({
  disable_events: 'false',
  disable_audit: 'false',
  audit_allow_config: 'true',
  audit_allow_process_events: String(load === 'execs'),
  audit_allow_sockets: String(load === 'connects'),
  audit_allow_user_events: 'false',
  audit_backlog_limit: '65536',
  events_max: '1000000',
  events_expiry: '86000',
});

const EVENTS: Readonly<Record<PeerLoad, string>> = {
  connects: 'socket_events WHERE pid',
  execs: 'process_events WHERE parent',
};

/** A running osqueryd with a configuration and a database of its own, and no schedule; asked over its socket. */
export class Osqueryd implements AsyncDisposable {
  readonly client: ExtensionManagerClient;
  readonly socketPath: string;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess, socketPath: string) {
    this.#directory = directory;
    this.#child = child;
    this.socketPath = socketPath;
    this.client = new ExtensionManagerClient({ socketPath });
  }

  /** Resolves when it answers. */
  static async start(
    [file, ...args]: readonly [string, ...string[]],
    flags: Readonly<Record<string, string>>,
  ): Promise<Osqueryd> {
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    const configuration = join(directory, 'osquery.conf');
    const socketPath = join(directory, 'core.em');
    writeFileSync(configuration, '{}');
    const autoload = join(directory, 'extensions.load');
    writeFileSync(autoload, '');
    const all = {
      config_path: configuration,
      database_path: join(directory, 'database'),
      logger_path: directory,
      pidfile: join(directory, 'pid'),
      extensions_socket: socketPath,
      extensions_autoload: autoload,
      // One process, whose CPU is all of it.
      disable_watchdog: 'true',
      ...flags,
    };
    const child = spawn(
      file,
      [...args, ...Object.entries(all).map(([name, value]) => `--${name}=${value}`)],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const osqueryd = new Osqueryd(directory, child, socketPath);
    for (let left = START_MS / LOOK_MS; ; left--) {
      const isThere = await osqueryd.client.ping().then(
        () => true,
        () => false,
      );
      if (isThere) return osqueryd;
      if (child.exitCode !== null || left === 0) {
        await osqueryd[Symbol.asyncDispose]();
        throw new Error(`${file} does not answer on its socket (status ${child.exitCode})`);
      }
      await sleep(LOOK_MS);
    }
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.#child.pid!);
  }

  /** The one number that a query gives. */
  async number(sql: string): Promise<number> {
    const [row] = await this.client.query(sql);
    return Number(Object.values(row ?? {})[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await endProcess(this.#child);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** osqueryd's own tables of events in the extension's place. */
export class OsquerydOnAudit implements PeerProgram {
  readonly #osqueryd: Osqueryd;
  readonly #load: PeerLoad;
  readonly #control: AuditControl;
  readonly #found: AuditStatus;

  private constructor(osqueryd: Osqueryd, load: PeerLoad, control: AuditControl, found: AuditStatus) {
    this.#osqueryd = osqueryd;
    this.#load = load;
    this.#control = control;
    this.#found = found;
  }

  /** Resolves when events are recorded. */
  static async start(path: string, load: PeerLoad): Promise<OsquerydOnAudit> {
    const control = openAuditControl();
    const found = await control.getStatus();
    // No call of an audited process may wait for it.
    await control.setStatus({ failure: 0, backlogWaitTime: 0 });
    const osqueryd = await Osqueryd.start([path], eventFlags(load));
    const peer = new OsquerydOnAudit(osqueryd, load, control, found);
    for (let left = START_MS / LOOK_MS; (await control.getStatus()).enabled !== 1; left--) {
      if (left === 0) {
        await peer[Symbol.asyncDispose]();
        throw new Error(`${path} did not enable audit`);
      }
      await sleep(LOOK_MS);
    }
    return peer;
  }

  get cpuSeconds(): number {
    return this.#osqueryd.cpuSeconds;
  }

  async end(pid: number): Promise<number> {
    const events = await this.#osqueryd.number(`SELECT count(*) FROM ${EVENTS[this.#load]} = ${pid}`);
    await this.#stop();
    return events;
  }

  /** It takes its rules away itself; it does not put back the rest. */
  async #stop(): Promise<void> {
    await this.#osqueryd[Symbol.asyncDispose]();
    const { enabled, failure, backlogLimit, backlogWaitTime } = this.#found;
    await this.#control.setStatus({ enabled, failure, backlogLimit, backlogWaitTime });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#control.close();
  }
}
