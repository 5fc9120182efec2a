import { messageOf, OsqueryError } from '../errors.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import { checkPlugin } from './check-plugin.ts';
import type { Plugin, PluginCall, PluginContext, PluginHooks } from './plugin.ts';

type Awaitable<T> = T | Promise<T>;

/** Queries for core to run once. */
export interface DistributedQueries {
  /** SQL, by the id of its result. */
  readonly queries: Readonly<Record<string, string>>;
  /** SQL by the same ids: the query runs only if its discovery query has rows. */
  readonly discovery?: Readonly<Record<string, string>>;
  /** Seconds for which core should ask more often. */
  readonly accelerate?: number;
}

/** What a query cost core. */
export interface DistributedStats {
  /** From its start to its end, in milliseconds. */
  readonly wallTimeMs: number;
  /** Processor time, in milliseconds. */
  readonly userTimeMs: number;
  /** … of the kernel, in milliseconds. */
  readonly systemTimeMs: number;
  /** Bytes by which core's memory grew. */
  readonly memory: number;
}

/** The result of one query; a status other than 0 is a failure. */
export interface DistributedResult {
  /** The id from `queries`. */
  readonly id: string;
  /** 0 for success. */
  readonly status: number;
  /** The error message, or empty. */
  readonly message: string;
  /** Values are text. */
  readonly rows: readonly PluginRow[];
  /** Absent if core has not measured it. */
  readonly stats?: DistributedStats;
}

/** The handlers of a distributed plugin. */
export interface DistributedHandlers extends PluginHooks {
  /** Asked every `--distributed_interval` seconds for queries. */
  queries(call: PluginCall): Awaitable<DistributedQueries>;
  /** Takes results. If it throws, core keeps none of them. */
  results(results: readonly DistributedResult[], call: PluginCall): Awaitable<void>;
}

const HANDLERS = ['queries', 'results'];

/** Gives core queries and takes their results, when core runs with `--distributed_plugin=NAME`. */
export class DistributedPlugin implements Plugin {
  readonly registry = 'distributed';
  readonly name: string;
  readonly #handlers: DistributedHandlers;

  constructor(name: string, handlers: DistributedHandlers) {
    checkPlugin('distributed', name, handlers, { known: HANDLERS, required: HANDLERS });
    this.name = name;
    this.#handlers = handlers;
  }

  routes(): readonly PluginRow[] {
    return [];
  }

  async start(context: PluginContext): Promise<void> {
    await this.#handlers.start?.(context);
  }

  async stop(): Promise<void> {
    await this.#handlers.stop?.();
  }

  async call(request: PluginRow, call: PluginCall): Promise<readonly PluginRow[]> {
    switch (request.action) {
      case 'getQueries':
        return [{ results: JSON.stringify(await this.#handlers.queries(call)) }];
      case 'writeResults':
        await this.#handlers.results(this.#results(request.results ?? ''), call);
        return [];
      default:
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `distributed ${this.name}: unknown action ${JSON.stringify(request.action ?? '')}; ` +
            'expected getQueries or writeResults',
        );
    }
  }

  /**
   * Reads `{"queries":{id:[row]},"statuses":{id:code},"messages":{id:text},"stats":{id:{}}}`; in older cores codes
   * are text, and there are no stats.
   */
  #results(json: string): DistributedResult[] {
    let parsed: unknown;
    try {
      parsed = JSON.parse(json);
    } catch (cause) {
      const what = `distributed ${this.name}: results are not JSON: ${messageOf(cause)}`;
      throw new OsqueryError('OSQUERY_INVALID', what, { cause });
    }
    const all = members(parsed);
    const queries = members(all.queries);
    const statuses = members(all.statuses);
    const messages = members(all.messages);
    const stats = members(all.stats);
    // A failed query may be in only one of the three.
    const ids = new Set([...Object.keys(queries), ...Object.keys(statuses), ...Object.keys(messages)]);
    return [...ids].map(id => ({
      id,
      status: Number(statuses[id] ?? 0),
      message: String(messages[id] ?? ''),
      rows: Array.isArray(queries[id]) ? queries[id] : [],
      ...statsOf(members(stats[id])),
    }));
  }
}

function statsOf(measured: Readonly<Record<string, unknown>>): { stats?: DistributedStats } {
  if (measured.wall_time_ms === undefined) return {};
  return {
    stats: {
      wallTimeMs: Number(measured.wall_time_ms),
      userTimeMs: Number(measured.user_time ?? 0),
      systemTimeMs: Number(measured.system_time ?? 0),
      memory: Number(measured.memory ?? 0),
    },
  };
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
