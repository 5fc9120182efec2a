import type { Plugin } from '../plugins/plugin.ts';
import type { PluginRow } from '../table/encoded-rows.ts';

/** How a core for tests is made. */
export interface TestCoreOptions {
  /** Registered as one extension, over a real socket; none to let an extension of its own process register. */
  readonly plugins?: readonly Plugin[];
  /** Core's flags, by name without dashes: `{ events_max: '10' }`. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** A query of the schedule. */
export interface ScheduledTestQuery {
  /** Core's cursors and results go by it. */
  readonly name: string;
  readonly sql: string;
  /** Seconds; 60 where it is absent. */
  readonly interval?: number;
  /** All rows each time, instead of the difference to the time before. */
  readonly snapshot?: boolean;
}

/**
 * A core in this process that behaves towards extensions as osqueryd 5.23 does: SQL by SQLite itself, over a UNIX socket and in
 * the contexts and calls that core makes, one connection for its ping and one for the call. Every test may have its own.
 */
export interface TestCore extends AsyncDisposable {
  /** What core gives an extension in `--socket`. */
  readonly socketPath: string;
  /** Every line core logged: "warning: ...". */
  readonly log: readonly string[];
  /**
   * Runs SQL and gives the rows of all its statements; values are text, NULL the empty text.
   *
   * @throws Error with SQLite's or the plugin's message
   */
  query(sql: string): Promise<PluginRow[]>;
  /**
   * Runs a query as the schedule does, now: with its name in core's database while it runs, and the difference to its last
   * results, which core keeps by its name. Each run is at least a second after the one before, as far as core's clock says.
   *
   * @returns the lines of osqueryd's result log: `{ name, action: 'added' | 'removed' | 'snapshot', columns ... }`
   */
  runScheduled(query: ScheduledTestQuery): Promise<Readonly<Record<string, unknown>>[]>;
  /** Resolves when the next extension, of another process, has registered and answers. */
  nextExtension(signal?: AbortSignal): Promise<void>;
  /** Stops the plugins and core. Any number of times. */
  close(): Promise<void>;
}

/** Starts a core, and resolves when it can be asked. */
export type StartTestCore = (options?: TestCoreOptions) => Promise<TestCore>;
