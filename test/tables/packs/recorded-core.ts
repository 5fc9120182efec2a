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
  readonly milliseconds: number;
}

/** An embedded core with this program as its extension, on recorded events. */
export class RecordedCore implements AsyncDisposable {
  readonly core: EmbeddedCore;
  readonly #stack: AsyncDisposableStack;
  readonly #counts: { reads: number; rows: number };

  private constructor(
    core: EmbeddedCore,
    stack: AsyncDisposableStack,
    counts: { reads: number; rows: number },
  ) {
    this.core = core;
    this.#stack = stack;
    this.#counts = counts;
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
      onTableRead: (_table, rows) => {
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
    return new RecordedCore(core, stack.move(), counts);
  }

  async cost(sql: string): Promise<QueryCost> {
    const { reads, rows } = this.#counts;
    const begun = performance.now();
    const { rows: found } = await this.core.query(sql);
    return {
      found,
      reads: this.#counts.reads - reads,
      rows: this.#counts.rows - rows,
      milliseconds: performance.now() - begun,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
