import { messageOf, OsqueryError, OsqueryStatusError } from '../errors.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import { checkPlugin } from './check-plugin.ts';
import type { Plugin, PluginCall, PluginContext, PluginHooks } from './plugin.ts';

type Awaitable<T> = T | Promise<T>;

/** One line of core's own log. */
export interface StatusLine {
  /** glog's: core's verbose lines are info. */
  readonly severity: 'info' | 'warning' | 'error' | 'fatal';
  readonly message: string;
  /** Source file in core. */
  readonly file: string;
  readonly line: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Core's host identifier; empty while it is not known. */
  readonly host: string;
}

/** The handlers of a logger plugin. Core calls `status` and `event` only if they exist. */
export interface LoggerHandlers extends PluginHooks {
  /** Takes a result of a scheduled query, as JSON text. `category` is core's name of it. */
  result(json: string, category: string, call: PluginCall): Awaitable<void>;
  /** Takes the result of a snapshot query; without this handler, `result` does. */
  snapshot?(json: string, call: PluginCall): Awaitable<void>;
  /** Takes core's own log. */
  status?(lines: readonly StatusLine[], call: PluginCall): Awaitable<void>;
  /** Takes each event as it happens, as JSON text. */
  event?(json: string, call: PluginCall): Awaitable<void>;
  /** Called once when core starts to log, with the lines so far. */
  init?(processName: string, lines: readonly StatusLine[]): Awaitable<void>;
}

/** Bits of the answer to `features`, which core reads from the status code. */
const FEATURE_STATUS = 1;
const FEATURE_EVENT = 2;

const SEVERITIES = ['info', 'warning', 'error', 'fatal'] as const;

/** Takes what core logs, when core runs with `--logger_plugin=NAME`. */
export class LoggerPlugin implements Plugin {
  readonly registry = 'logger';
  readonly name: string;
  readonly #handlers: LoggerHandlers;

  constructor(name: string, handlers: LoggerHandlers) {
    checkPlugin('logger', name, handlers, {
      known: ['result', 'snapshot', 'status', 'event', 'init'],
      required: ['result'],
    });
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
    const handlers = this.#handlers;
    if (request.string !== undefined) await handlers.result(request.string, request.category ?? '', call);
    else if (request.snapshot !== undefined) await this.#snapshot(request.snapshot, call);
    else if (request.init !== undefined) await handlers.init?.(request.init, this.#lines(request.log));
    else if (request.status !== undefined) await handlers.status?.(this.#lines(request.log), call);
    else if (request.event !== undefined) await handlers.event?.(request.event, call);
    else if (request.action === 'features') this.#features();
    else {
      const keys = Object.keys(request).join(', ') || 'nothing';
      throw new OsqueryError('OSQUERY_INVALID', `logger ${this.name}: request of ${keys} is not supported`);
    }
    return [];
  }

  async #snapshot(json: string, call: PluginCall): Promise<void> {
    if (this.#handlers.snapshot === undefined) await this.#handlers.result(json, 'snapshot', call);
    else await this.#handlers.snapshot(json, call);
  }

  #features(): void {
    let code = 0;
    if (this.#handlers.status !== undefined) code |= FEATURE_STATUS;
    if (this.#handlers.event !== undefined) code |= FEATURE_EVENT;
    if (code !== 0) throw new OsqueryStatusError({ code, message: 'features' });
  }

  #lines(log: string | undefined): StatusLine[] {
    if (log === undefined || log === '') return [];
    let lines: unknown;
    try {
      lines = JSON.parse(log);
    } catch (cause) {
      throw new OsqueryError('OSQUERY_INVALID', `logger ${this.name}: log is not JSON: ${messageOf(cause)}`, {
        cause,
      });
    }
    if (!Array.isArray(lines))
      throw new OsqueryError('OSQUERY_INVALID', `logger ${this.name}: log is not an array`);
    return lines
      .filter(line => typeof line === 'object' && line !== null)
      .map((line: Readonly<Record<string, unknown>>) => ({
        severity: SEVERITIES[Number(line.s)] ?? 'info',
        message: String(line.m ?? ''),
        file: String(line.f ?? ''),
        line: Number(line.i ?? 0),
        time: Number(line.u ?? 0),
        host: String(line.h ?? ''),
      }));
  }
}
