import { messageOf, OsqueryError } from '../errors.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import type { Plugin, PluginCall } from './plugin.ts';

type Awaitable<T> = T | Promise<T>;

/** Queries for core to run once. */
export interface DistributedQueries {
  /** SQL by the id under which its result is to come back. */
  readonly queries: Readonly<Record<string, string>>;
  /** SQL by the same ids: the query runs only where its discovery query has rows. */
  readonly discovery?: Readonly<Record<string, string>>;
  /** Seconds for which core is to ask more often. */
  readonly accelerate?: number;
}

/** The result of one query; a status other than 0 is a failure. */
export interface DistributedResult {
  readonly id: string;
  readonly status: number;
  readonly message: string;
  readonly rows: readonly PluginRow[];
}

/** What a distributed plugin does. */
export interface DistributedHandlers {
  /** Asked every `--distributed_interval` seconds for queries. */
  queries(call: PluginCall): Awaitable<DistributedQueries>;
  /** Takes results. What it throws makes core keep none of them. */
  results(results: readonly DistributedResult[], call: PluginCall): Awaitable<void>;
}

/** Gives core queries and takes their results, when core runs with `--distributed_plugin=NAME`. */
export class DistributedPlugin implements Plugin {
  readonly registry = 'distributed';
  readonly name: string;
  readonly #handlers: DistributedHandlers;

  constructor(name: string, handlers: DistributedHandlers) {
    this.name = name;
    this.#handlers = handlers;
  }

  routes(): readonly PluginRow[] {
    return [];
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

  /** Reads `{"queries":{id:[row]},"statuses":{id:code},"messages":{id:text}}`; codes are text in older cores. */
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
    // A query that failed may be in any of the three only.
    const ids = new Set([...Object.keys(queries), ...Object.keys(statuses), ...Object.keys(messages)]);
    return [...ids].map(id => ({
      id,
      status: Number(statuses[id] ?? 0),
      message: String(messages[id] ?? ''),
      rows: Array.isArray(queries[id]) ? queries[id] : [],
    }));
  }
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
