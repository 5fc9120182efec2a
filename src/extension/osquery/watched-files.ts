import { type ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';
import { PERSISTENT_SETTINGS } from 'osquery-extension-ts/events';
import { parseConfigurationText } from '../../core/schedule/configuration.ts';
import type { WatchedPaths, WatchedPattern } from '../../flags/watched-paths.ts';
import { messageOf } from '../../runtime/message-of.ts';

/** Most patterns of a configuration that are used; what is watched for them is limited later. */
const MOST_PATTERNS = 200_000;
/** Key under which core's database keeps its last configuration. Source: osquery/config/config.cpp. */
const BACKUP = 'config_persistence.';

const NOTHING: WatchedPaths = { included: [], excluded: [] };

/**
 * The files in core's configuration: `file_paths`, `file_paths_query` and `exclude_paths`, in its sources and in
 * their packs. Core's config plugin is asked only when core reports another configuration: a plugin that gets it from
 * a server would ask the server again. If core keeps a backup in its database (config_enable_backup), that is read
 * instead.
 */
export class WatchedFiles {
  readonly #client: ExtensionManagerClient;
  readonly #warn: (message: string) => void;
  #hash: string | undefined;
  #watched = NOTHING;

  constructor(client: ExtensionManagerClient, warn: (message: string) => void) {
    this.#client = client;
    this.#warn = warn;
  }

  /** @throws OsqueryError if core does not answer */
  async read(): Promise<WatchedPaths> {
    const [info] = await this.#client.query('SELECT config_hash, config_valid FROM osquery_info');
    const hash = info?.config_hash ?? '';
    if (info?.config_valid !== '1' || hash === this.#hash) return this.#watched;
    const sources = await this.#sources();
    this.#watched = sources === undefined ? this.#watched : await this.#watchedOf(sources);
    this.#hash = hash;
    return this.#watched;
  }

  /** The texts of the configuration, by source. */
  async #sources(): Promise<ReadonlyMap<string, string> | undefined> {
    const { database } = this.#client;
    const keys = await database.scan(PERSISTENT_SETTINGS, BACKUP);
    if (keys.length > 0) {
      const values = await database.getAll(keys.map(key => [PERSISTENT_SETTINGS, key] as const));
      return new Map(keys.map((key, index) => [key, values[index] ?? '']));
    }
    return new Map(Object.entries((await this.#ask({ action: 'genConfig' })) ?? {}));
  }

  async #ask(
    request: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    try {
      return (await this.#client.call('config', '', request))[0];
    } catch (error) {
      if (!isOsqueryError(error, 'OSQUERY_STATUS')) throw error;
      this.#warn(`osquery's configuration cannot be read, so no file is watched: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #watchedOf(sources: ReadonlyMap<string, string>): Promise<WatchedPaths> {
    const included: WatchedPattern[] = [];
    const excluded: WatchedPattern[] = [];
    for (const [source, text] of sources) {
      try {
        for (const object of await this.#objectsOf(parseConfigurationText(text, source))) {
          included.push(...patternsOf(object.file_paths));
          included.push(...(await this.#queried(object.file_paths_query)));
          excluded.push(...patternsOf(object.exclude_paths));
        }
      } catch (error) {
        if (isOsqueryError(error)) throw error;
        this.#warn(`file_paths of ${source} cannot be read: ${messageOf(error)}`);
      }
    }
    if (included.length > MOST_PATTERNS) {
      this.#warn(
        `file_paths names ${included.length} patterns, and only the first ${MOST_PATTERNS} of them count: name directories instead`,
      );
    }
    return { included: included.slice(0, MOST_PATTERNS), excluded: excluded.slice(0, MOST_PATTERNS) };
  }

  /** A configuration, and its packs: embedded ones, and those that its plugin has by name. */
  async #objectsOf(config: JsonObject): Promise<readonly JsonObject[]> {
    const objects = [config];
    for (const [name, pack] of Object.entries(isObject(config.packs) ? config.packs : {})) {
      if (isObject(pack)) objects.push(pack);
      else if (typeof pack === 'string') {
        const text = (await this.#ask({ action: 'genPack', name, value: pack }))?.[name];
        if (text === undefined || text === '') continue;
        const parsed = parseConfigurationText(text, name);
        objects.push(...(name === '*' ? Object.values(parsed).filter(isObject) : [parsed]));
      }
    }
    return objects;
  }

  /** Paths returned by queries in the configuration. */
  async #queried(value: unknown): Promise<readonly WatchedPattern[]> {
    const found: WatchedPattern[] = [];
    for (const { category, pattern: sql } of patternsOf(value)) {
      try {
        const rows = await this.#client.query(sql);
        for (const { path } of rows)
          if (path !== undefined && path !== '') found.push({ category, pattern: path });
      } catch (error) {
        if (!isOsqueryError(error, 'OSQUERY_STATUS')) throw error;
        this.#warn(
          `file_paths_query of the category ${category} fails, so it names no file: ${messageOf(error)}`,
        );
      }
    }
    return found;
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists of texts by category. Anything else is ignored, as in osquery. */
const patternsOf = (value: unknown): readonly WatchedPattern[] =>
  isObject(value)
    ? Object.entries(value).flatMap(([category, list]) =>
        Array.isArray(list)
          ? list.flatMap(pattern =>
              typeof pattern === 'string' && pattern !== '' ? [{ category, pattern }] : [],
            )
          : [],
      )
    : [];
