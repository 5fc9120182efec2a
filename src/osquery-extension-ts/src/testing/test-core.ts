import type { Plugin } from '../plugins/plugin.ts';
import type { PluginRow } from '../table/encoded-rows.ts';

/** Options of a core for tests. */
export interface TestCoreOptions {
  /** Registered as one extension, over a real socket; none to let an extension of another process register. */
  readonly plugins?: readonly Plugin[];
  /** Core's flags, by name without dashes: `{ events_max: '10' }`. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** A query of the schedule. */
export interface ScheduledTestQuery {
  /** Core's cursors and results use it. */
  readonly name: string;
  readonly sql: string;
  /** Seconds; default 60. */
  readonly interval?: number;
  /** All rows each time, instead of the difference to the last run. */
  readonly snapshot?: boolean;
}

/**
 * A core in this process that behaves towards extensions as osqueryd 5.23 does: SQL by SQLite itself, over a UNIX
 * socket, with core's contexts and calls, one connection for its ping and one for the call. Every test may have its
 * own.
 */
export interface TestCore extends AsyncDisposable {
  /** The path that core passes to an extension in `--socket`. */
  readonly socketPath: string;
  /** Every line core logged: "warning: ...". */
  readonly log: readonly string[];
  /**
   * Runs SQL and returns the rows of all its statements; values are text, NULL is the empty text.
   *
   * @throws Error with SQLite's or the plugin's message
   */
  query(sql: string): Promise<PluginRow[]>;
  /**
   * Runs a query as the schedule does, now: with its name in core's database while it runs, and the difference to its
   * last results, which core keeps by its name. By core's clock, each run is at least a second after the previous
   * one.
   *
   * @returns the lines of osqueryd's result log: `{ name, action: 'added' | 'removed' | 'snapshot', columns ... }`
   */
  runScheduled(query: ScheduledTestQuery): Promise<Readonly<Record<string, unknown>>[]>;
  /** Resolves when the next extension, of another process, has registered and answers. */
  nextExtension(signal?: AbortSignal): Promise<void>;
  /** Stops the plugins and core. May be called any number of times. */
  close(): Promise<void>;
}

/** Starts a core, and resolves when it accepts queries. */
export type StartTestCore = (options?: TestCoreOptions) => Promise<TestCore>;
