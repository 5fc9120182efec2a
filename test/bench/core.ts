import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from 'osquery-extension-ts';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { ExtensionClient } from 'osquery-extension-ts/server';
import { auditOptions } from './audit-options.ts';
import { endProcess } from './end-process.ts';
import { IdealExtension } from './ideal-extension.ts';
import { Osqueryd } from './peers/osqueryd.ts';
import { findProgram } from './peers/peer-program.ts';
import type { Program } from './program.ts';

const START_MS = 60_000;
const LOOK_MS = 100;

/** The extension with events of a log, under a core that SQL is sent to: the installed osqueryd, else the embedded one. */
export class ReplayedUnderCore implements AsyncDisposable {
  /** Whether core is an osqueryd. */
  readonly isOsqueryd: boolean;
  readonly #core: Osqueryd;
  readonly #extension: ChildProcess;

  private constructor(isOsqueryd: boolean, core: Osqueryd, extension: ChildProcess) {
    this.isOsqueryd = isOsqueryd;
    this.#core = core;
    this.#extension = extension;
  }

  /** Resolves when the table has the rows. */
  static async start(program: Program, log: string, table: string, rows: number): Promise<ReplayedUnderCore> {
    const installed = findProgram('osqueryd');
    const embedded = [program.file, ...program.args, 'daemon'] as const;
    const core = await Osqueryd.start(installed === undefined ? embedded : [installed], {
      disable_tables: 'process_events,socket_events,user_events',
      disable_audit: 'true',
      disable_events: 'false',
      audit_allow_sockets: 'true',
      events_max: auditOptions.events_max,
      events_expiry: auditOptions.events_expiry,
    });
    const extension = spawn(
      program.file,
      [...program.args, '--socket', core.socketPath, '--timeout', '3', '--interval', '3', '--replay', log],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const started = new ReplayedUnderCore(installed !== undefined, core, extension);
    for (let left = START_MS / LOOK_MS; left > 0; left--) {
      const found = await core.number(`SELECT count(*) FROM ${table}`).catch(() => 0);
      if (found === rows) return started;
      await sleep(LOOK_MS);
    }
    await started[Symbol.asyncDispose]();
    throw new Error(`core did not get ${rows} rows of ${table} within ${START_MS / 1000} s`);
  }

  /** CPU that core has used so far, in seconds. */
  get coreCpuSeconds(): number {
    return this.#core.cpuSeconds;
  }

  /** Milliseconds from the query to its one row. */
  async time(sql: string): Promise<number> {
    return (await this.timeNumber(sql)).milliseconds;
  }

  /** The same, and the one number of that row. */
  async timeNumber(sql: string): Promise<{ readonly milliseconds: number; readonly value: number }> {
    const started = performance.now();
    const value = await this.#core.number(sql);
    return { milliseconds: performance.now() - started, value };
  }

  /** An extension that repeats the answers of one of the tables, and takes no time to make them. */
  async ideal(spec: TableSpec, name: string): Promise<IdealExtension> {
    const { client, socketPath: socket } = this.#core;
    for (const uuid of (await client.extensions()).keys()) {
      const socketPath = extensionSocketPath(socket, uuid);
      for (const table of [spec.name, `${spec.name[0]!.toUpperCase()}${spec.name.slice(1)}`]) {
        await using extension = new ExtensionClient({ socketPath });
        const isThere = await extension.call('table', table, { action: 'columns' }).then(
          () => true,
          () => false,
        );
        if (isThere) return IdealExtension.start({ socket, name, spec, original: { socketPath, table } });
      }
    }
    throw new Error(`no extension of core has the table ${spec.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.#extension);
    await this.#core[Symbol.asyncDispose]();
  }
}
