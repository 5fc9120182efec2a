import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CoreOptions } from '../../../src/core/core-options.ts';
import { CoreDatabase } from '../../../src/core/database.ts';
import { EmbeddedCore } from '../../../src/core/embedded-core.ts';
import { HostedExtension } from '../../../src/core/hosted-extension.ts';
import { createSocketDirectory } from '../../../src/core/socket-directory.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const START_MS = 120_000;

/** Everything that is recorded stays buffered. */
const OPTIONS = new Map([
  ['disable_audit', 'true'],
  ['events_max', '1000000'],
  ['custom_audit_buffer_bytes', '1073741824'],
  ['custom_audit_state_dir', 'none'],
  ['audit_allow_sockets', 'true'],
  ['audit_allow_fim_events', 'true'],
]);

/** What one statement cost. */
export interface QueryCost {
  readonly found: readonly Readonly<Record<string, string>>[];
  /** How often it read a table. */
  readonly reads: number;
  /** Rows that the tables gave to SQLite. */
  readonly rows: number;
  /** Of the processor, in core and extension: others on the host do not change it much. */
  readonly milliseconds: number;
}

/** An embedded core with this program as its extension, on recorded events. */
export class RecordedCore implements AsyncDisposable {
  readonly core: EmbeddedCore;
  readonly #stack: AsyncDisposableStack;
  readonly #counts: { reads: number; rows: number };
  readonly #extensionPid: () => number | undefined;

  private constructor(
    core: EmbeddedCore,
    stack: AsyncDisposableStack,
    counts: { reads: number; rows: number },
    extensionPid: () => number | undefined,
  ) {
    this.core = core;
    this.#stack = stack;
    this.#counts = counts;
    this.#extensionPid = extensionPid;
  }

  /** @param logs paths of what was recorded */
  static async start(logs: readonly string[]): Promise<RecordedCore> {
    await using stack = new AsyncDisposableStack();
    const options = new CoreOptions(OPTIONS);
    const directory = createSocketDirectory();
    stack.defer(() => directory.remove());
    const counts = { reads: 0, rows: 0 };
    const core = new EmbeddedCore({
      options,
      database: new CoreDatabase(),
      socketPath: directory.socketPath,
      log: (level, message) => level === 'error' && process.stderr.write(`${message}\n`),
      onTableRead: (table, rows) => {
        // The extension itself reads osquery's schedule from time to time.
        if (table.startsWith('osquery_')) return;
        counts.reads++;
        counts.rows += rows;
      },
    });
    stack.defer(() => core.close());
    const extension = new HostedExtension({
      core,
      options,
      command: {
        path: process.execPath,
        args: ['--conditions=source', MAIN],
        moreArgs: logs.map(path => `--replay=${path}`),
      },
      log: () => {},
    });
    stack.defer(() => extension.stop());
    await core.start();
    await extension.start({ timeoutMs: START_MS, signal: AbortSignal.timeout(START_MS) });
    return new RecordedCore(core, stack.move(), counts, () => extension.pid);
  }

  async cost(sql: string): Promise<QueryCost> {
    const { reads, rows } = this.#counts;
    const begun = this.#processorMs();
    const { rows: found } = await this.core.query(sql);
    return {
      found,
      reads: this.#counts.reads - reads,
      rows: this.#counts.rows - rows,
      milliseconds: this.#processorMs() - begun,
    };
  }

  /** Time of the processor that this process, with the core's threads, and the extension have had. */
  #processorMs(): number {
    const { user, system } = process.cpuUsage();
    const pid = this.#extensionPid();
    return (user + system) / 1000 + (pid === undefined ? 0 : nanosecondsOf(pid) / 1e6);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Of all threads of a process: the first number of their schedstat. Threads that have ended do not count. */
const nanosecondsOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map(task => {
      try {
        return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
      } catch {
        return 0;
      }
    })
    .reduce((sum, each) => sum + each, 0);
