import { OsqueryError } from '../errors.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import type { Plugin, PluginCall } from './plugin.ts';

type Awaitable<T> = T | Promise<T>;

/** JSON text, or what is to become it. */
export type JsonDocument = string | object;

/** What a config plugin does. */
export interface ConfigHandlers {
  /** Answers the configuration as documents by the name of their source; core merges them. */
  config(call: PluginCall): Awaitable<Readonly<Record<string, JsonDocument>>>;
  /** Answers a pack that the configuration names by a text: `"packs": { name: value }`. */
  pack?(name: string, value: string, call: PluginCall): Awaitable<JsonDocument>;
}

/** Gives core its configuration, when core runs with `--config_plugin=NAME`. */
export class ConfigPlugin implements Plugin {
  readonly registry = 'config';
  readonly name: string;
  readonly #handlers: ConfigHandlers;

  constructor(name: string, handlers: ConfigHandlers) {
    this.name = name;
    this.#handlers = handlers;
  }

  routes(): readonly PluginRow[] {
    return [];
  }

  async call(request: PluginRow, call: PluginCall): Promise<readonly PluginRow[]> {
    switch (request.action) {
      case 'genConfig': {
        const documents = Object.entries(await this.#handlers.config(call));
        return [Object.fromEntries(documents.map(([source, document]) => [source, jsonText(document)]))];
      }
      case 'genPack': {
        const { name, value } = request;
        if (name === undefined || value === undefined) {
          throw new OsqueryError('OSQUERY_INVALID', `config ${this.name}: genPack without name or value`);
        }
        if (this.#handlers.pack === undefined) {
          throw new OsqueryError('OSQUERY_INVALID', `config ${this.name} has no packs; asked for ${name}`);
        }
        return [{ [name]: jsonText(await this.#handlers.pack(name, value, call)) }];
      }
      default:
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `config ${this.name}: unknown action ${JSON.stringify(request.action ?? '')}; expected genConfig or genPack`,
        );
    }
  }
}

function jsonText(document: JsonDocument): string {
  return typeof document === 'string' ? document : JSON.stringify(document);
}
