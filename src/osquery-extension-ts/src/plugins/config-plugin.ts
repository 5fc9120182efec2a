import { OsqueryError } from '../errors.ts';
import { type JsonDocument, jsonText } from '../json-document.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import { checkPlugin } from './check-plugin.ts';
import type { Plugin, PluginCall, PluginContext, PluginHooks } from './plugin.ts';

type Awaitable<T> = T | Promise<T>;

/** The handlers of a config plugin: `config` returns one document, `sources` several. */
export type ConfigHandlers = PluginHooks & {
  /** Returns a pack that the configuration names by a text: `"packs": { name: value }`. */
  pack?(name: string, value: string, call: PluginCall): Awaitable<JsonDocument>;
} & (
    | {
        /** Returns the configuration: `{ schedule: { ... }, options: { ... } }`. Its source has the plugin's name. */
        config(call: PluginCall): Awaitable<JsonDocument>;
        readonly sources?: never;
      }
    | {
        /** Returns the configuration in parts, by the names of their sources; core merges them. */
        sources(call: PluginCall): Awaitable<Readonly<Record<string, JsonDocument>>>;
        readonly config?: never;
      }
  );

/** Gives core its configuration, when core runs with `--config_plugin=NAME`. */
export class ConfigPlugin implements Plugin {
  readonly registry = 'config';
  readonly name: string;
  readonly #handlers: ConfigHandlers;

  constructor(name: string, handlers: ConfigHandlers) {
    checkPlugin('config', name, handlers, { known: ['config', 'sources', 'pack'], required: [] });
    if ((handlers.config === undefined) === (handlers.sources === undefined)) {
      const got = handlers.config === undefined ? 'neither' : 'both';
      throw new OsqueryError(
        'OSQUERY_INVALID',
        `config ${name}: expected one of the handlers config and sources, got ${got}`,
      );
    }
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
      case 'genConfig': {
        const what = (source: string): string => `config ${this.name}: source ${source}`;
        const { config, sources } = this.#handlers;
        const documents = sources
          ? Object.entries(await sources.call(this.#handlers, call))
          : [[this.name, await config.call(this.#handlers, call)] as const];
        return [
          Object.fromEntries(
            documents.map(([source, document]) => [source, jsonText(what(source), document)]),
          ),
        ];
      }
      case 'genPack': {
        const { name, value } = request;
        if (name === undefined || value === undefined) {
          throw new OsqueryError('OSQUERY_INVALID', `config ${this.name}: genPack without name or value`);
        }
        if (this.#handlers.pack === undefined) {
          throw new OsqueryError('OSQUERY_INVALID', `config ${this.name} has no packs; asked for ${name}`);
        }
        const document = await this.#handlers.pack(name, value, call);
        return [{ [name]: jsonText(`config ${this.name}: pack ${name}`, document) }];
      }
      default:
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `config ${this.name}: unknown action ${JSON.stringify(request.action ?? '')}; expected genConfig or genPack`,
        );
    }
  }
}
