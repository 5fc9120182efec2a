/**
 * osquery's configuration: options, schedule and packs, as written in files. A fault in one query drops only that
 * query, with one warning.
 *
 * Source: osquery 5.23 `config/config.cpp` (updateSource, genPack), `config/packs.cpp`, `config/parsers/options.cpp`.
 */

import { globSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { CodedError } from '../../runtime/coded-error.ts';

/** Core's limits for one configuration. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** A week; core refuses longer intervals. */
const MAX_INTERVAL_S = 604_800;

/** Prefixes of names in the database, which queries must not collide with. */
const RESERVED_PREFIXES = ['query.', 'cache.', 'config_views.'];
const RESERVED_SUFFIXES = ['epoch', 'counter'];

export interface QueryDefinition {
  readonly name: string;
  readonly query: string;
  /** Seconds. */
  readonly interval: number;
  /** Log all rows of the query each time. */
  readonly snapshot: boolean;
  /** Log rows that are no longer there. */
  readonly removed: boolean;
  readonly platform: string;
  readonly version: string;
  readonly shard: number;
}

export interface PackDefinition {
  /** `main` is the configuration's own schedule. */
  readonly name: string;
  readonly queries: readonly QueryDefinition[];
  readonly platform: string;
  readonly version: string;
  readonly shard: number;
  /** The pack runs while each of these returns a row. */
  readonly discovery: readonly string[];
}

export interface Configuration {
  readonly options: ReadonlyMap<string, string>;
  readonly packs: readonly PackDefinition[];
  /** The texts that it was read from, by source; core hashes them. */
  readonly sources: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** The configuration cannot be used at all. */
export class ConfigurationError extends CodedError<'configuration'> {
  override readonly name = 'ConfigurationError';

  constructor(message: string, options?: ErrorOptions) {
    super('configuration', message, options);
  }
}

/** Where packs named by a path come from. */
export interface ConfigurationFiles {
  readonly read: (path: string) => string;
  readonly glob: (pattern: string) => readonly string[];
}

export const realFiles: ConfigurationFiles = {
  read: path => readFileSync(path, 'utf8'),
  // osquery's own wildcard is `%`.
  glob: pattern => globSync(pattern.replaceAll('%', '*')).sort(),
};

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Core takes numbers and booleans as text too. */
const toNumber = (value: unknown): number => {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : 0;
};

const toBoolean = (value: unknown): boolean =>
  typeof value === 'string' ? /^(?:true|1|yes|t|y|on)$/i.test(value) : value === true || value === 1;

const toText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Drops lines that begin with `#` or `//`, and joins lines that end with a backslash. */
const stripComments = (text: string): string =>
  text
    .replaceAll('\\\n', '')
    .split('\n')
    .filter(line => !/^\s*(?:#|\/\/)/.test(line))
    .join('\n');

/**
 * Reads one text of a configuration, or of a pack, in which lines may be comments.
 *
 * @throws ConfigurationError if it is no object
 */
export const parseConfigurationText = (text: string, source: string): JsonObject => {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) {
    throw new ConfigurationError(
      `${source}: expected at most ${MAX_CONFIG_BYTES} bytes: split it into packs`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(stripComments(text));
  } catch (cause) {
    throw new ConfigurationError(`${source}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(value)) throw new ConfigurationError(`${source}: expected a JSON object`);
  return value;
};

const parsePack = (
  name: string,
  pack: JsonObject,
  defaultInterval: number,
  warnings: string[],
): PackDefinition => {
  const queries: QueryDefinition[] = [];
  for (const [query, value] of Object.entries(isObject(pack.queries) ? pack.queries : {})) {
    if (!isObject(value)) {
      warnings.push(`The pack ${name} contains an invalid query: ${query}`);
      continue;
    }
    if (RESERVED_PREFIXES.some(prefix => query.startsWith(prefix))) {
      warnings.push(
        `Invalid query name: ${query} starts with one of the reserved prefixes: ${RESERVED_PREFIXES.join(', ')}`,
      );
      continue;
    }
    if (RESERVED_SUFFIXES.some(suffix => query.endsWith(suffix))) {
      warnings.push(
        `Invalid query name: ${query} ends with one of the reserved suffixes: ${RESERVED_SUFFIXES.join(', ')}`,
      );
      continue;
    }
    if (typeof value.query !== 'string' || value.query === '') {
      warnings.push(`No query string defined for query ${query}`);
      continue;
    }
    const interval = value.interval === undefined ? defaultInterval : toNumber(value.interval);
    if (interval <= 0 || interval > MAX_INTERVAL_S) {
      warnings.push(`Query has invalid interval: ${query}: ${interval}`);
      continue;
    }
    queries.push({
      name: query,
      query: value.query,
      interval,
      snapshot: toBoolean(value.snapshot),
      removed: value.removed === undefined || toBoolean(value.removed),
      platform: toText(value.platform),
      version: toText(value.version),
      shard: toNumber(value.shard),
    });
  }
  const discovery = Array.isArray(pack.discovery) ? pack.discovery : [];
  return {
    name,
    queries: queries.sort((a, b) => (a.name < b.name ? -1 : 1)),
    platform: toText(pack.platform),
    version: toText(pack.version),
    shard: toNumber(pack.shard),
    discovery: discovery.filter(item => typeof item === 'string'),
  };
};

const optionText = (value: unknown): string =>
  isObject(value) || Array.isArray(value) ? JSON.stringify(value) : value === null ? '' : String(value);

/** Reads configurations by source; later ones win where they name the same option or pack. */
export const parseConfiguration = (
  sources: ReadonlyMap<string, string>,
  options: { readonly files?: ConfigurationFiles; readonly defaultInterval?: number } = {},
): Configuration => {
  const files = options.files ?? realFiles;
  const defaultInterval = options.defaultInterval ?? 3600;
  const warnings: string[] = [];
  const flags = new Map<string, string>();
  const packs = new Map<string, PackDefinition>();
  const add = (name: string, pack: JsonObject): void => {
    packs.set(name, parsePack(name, pack, defaultInterval, warnings));
  };
  const addFile = (name: string, path: string): void => {
    try {
      add(name, parseConfigurationText(files.read(path), path));
    } catch (error) {
      warnings.push(`Error reading the query pack named: ${name}: ${(error as Error).message}`);
    }
  };
  for (const [source, text] of sources) {
    const config = parseConfigurationText(text, source);
    for (const [name, value] of Object.entries(isObject(config.options) ? config.options : {})) {
      const flag = optionText(value);
      if (flag !== '') flags.set(name, flag);
    }
    if (isObject(config.schedule)) add('main', { queries: config.schedule });
    // A file that is itself a pack is named after the file.
    if (isObject(config.queries)) add(basename(source, extname(source)), config);
    for (const [name, value] of Object.entries(isObject(config.packs) ? config.packs : {})) {
      if (name === '*' && typeof value === 'string') {
        for (const path of files.glob(value)) addFile(basename(path, extname(path)), path);
      } else if (name === '*' && isObject(value)) {
        for (const [inner, pack] of Object.entries(value)) if (isObject(pack)) add(inner, pack);
      } else if (typeof value === 'string') {
        addFile(name, value);
      } else if (isObject(value)) {
        add(name, value);
      } else {
        warnings.push(`Error parsing pack: ${name}: the value should be an object`);
      }
    }
  }
  return { options: flags, packs: [...packs.values()], sources, warnings };
};
