import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type ParseError, parse } from 'jsonc-parser';
import { messageOf } from '../../runtime/message-of.ts';
import type { ConfigFacts, ScheduledQuery } from '../facts.ts';
import { readText } from './read-text.ts';

/** Longest file of a configuration. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;
/** Most files of one configuration: the main file, those beside it, and packs. */
const MAX_CONFIG_FILES = 1_000;
/** Source: osquery's schedule_default_interval. */
const DEFAULT_INTERVAL = 3_600;

export interface ReadConfigOptions {
  /** Put before every path, for tests. */
  readonly root: string;
  readonly path: string;
  readonly platform: NodeJS.Platform;
  /** A file beside the configuration that is not to be read. */
  readonly without?: string;
}

/**
 * Reads a configuration as osquery's `filesystem` plugin does: the file, `<file>.d/*.conf`, and the files of packs.
 * Queries and packs for other platforms are left out; discovery queries, shards and versions are ignored.
 */
export const readConfig = (options: ReadConfigOptions): ConfigFacts => {
  const { root, path, without } = options;
  const own = readText(join(root, path), MAX_CONFIG_BYTES);
  if (own.kind !== 'read') return { ...own, path };
  const reader = new ConfigReader(options);
  for (const name of [...matching(root, `${path}.d/%.conf`), path]) {
    if (name !== without) reader.take(name);
  }
  return {
    kind: 'read',
    path,
    options: reader.options,
    queries: reader.queries,
    filePaths: reader.filePaths,
    problems: reader.problems,
  };
};

class ConfigReader {
  readonly options = new Map<string, string>();
  readonly queries: ScheduledQuery[] = [];
  readonly problems: string[] = [];
  filePaths = 0;
  readonly #root: string;
  readonly #platform: NodeJS.Platform;
  #files = 0;

  constructor({ root, platform }: ReadConfigOptions) {
    this.#root = root;
    this.#platform = platform;
  }

  take(name: string): void {
    const config = this.#read(name);
    if (config === undefined) return;
    if (isObject(config.options)) {
      for (const [option, value] of Object.entries(config.options)) this.options.set(option, String(value));
    }
    this.#takeQueries('', config.schedule);
    this.#takeFilePaths(config);
    this.#takePacks(config.packs);
  }

  #read(name: string): Json | undefined {
    if (++this.#files > MAX_CONFIG_FILES) {
      if (this.#files === MAX_CONFIG_FILES + 1) {
        this.problems.push(`more than ${MAX_CONFIG_FILES} files: the others are not read`);
      }
      return undefined;
    }
    const reading = readText(join(this.#root, name), MAX_CONFIG_BYTES);
    if (reading.kind !== 'read') {
      this.problems.push(reading.kind === 'missing' ? `${name} does not exist` : `${name}: ${reading.why}`);
      return undefined;
    }
    const text = withoutComments(reading.text);
    try {
      const content: unknown = JSON.parse(text);
      if (isObject(content)) return content;
      this.problems.push(`${name} is not a JSON object`);
    } catch (error) {
      this.problems.push(`${name}, line ${faultyLine(text)}, is not JSON: ${messageOf(error)}`);
    }
    return undefined;
  }

  #takeQueries(prefix: string, list: unknown): void {
    if (!isObject(list)) return;
    for (const [name, query] of Object.entries(list)) {
      if (!isObject(query) || typeof query.query !== 'string') continue;
      if (!runsOn(query.platform, this.#platform)) continue;
      const interval = query.interval === undefined ? DEFAULT_INTERVAL : Number(query.interval);
      if (interval > 0) {
        this.queries.push({ name: prefix + name, sql: query.query, interval, denylisted: false });
      }
    }
  }

  #takeFilePaths({ file_paths, file_paths_query }: Json): void {
    for (const lists of [file_paths, file_paths_query]) {
      if (!isObject(lists)) continue;
      for (const list of Object.values(lists)) if (Array.isArray(list)) this.filePaths += list.length;
    }
  }

  #takePack(name: string, pack: unknown): void {
    if (isObject(pack) && runsOn(pack.platform, this.#platform)) {
      this.#takeQueries(`pack_${name}_`, pack.queries);
      this.#takeFilePaths(pack);
    }
  }

  #takePacks(packs: unknown): void {
    if (!isObject(packs)) return;
    for (const [name, pack] of Object.entries(packs)) {
      if (typeof pack !== 'string') this.#takePack(name, pack);
      else if (name !== '*') this.#takePack(name, this.#read(pack));
      else for (const file of matching(this.#root, pack)) this.#takePack(stem(file), this.#read(file));
    }
  }
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * osquery drops lines that start with `#` or `//`, and joins lines that end in a backslash. Line numbers stay the
 * same.
 */
const withoutComments = (text: string): string =>
  text
    .replaceAll('\\\n', '')
    .split('\n')
    .map(line => (/^\s*(?:#|\/\/)/.test(line) ? '' : line))
    .join('\n');

/** The line where the text stops being JSON; V8 does not always report it. */
const faultyLine = (text: string): number => {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  return text.slice(0, errors[0]?.offset ?? text.length).split('\n').length;
};

/** osquery's wildcard is `%`. */
const matching = (root: string, pattern: string): readonly string[] =>
  globSync(join(root, pattern.replaceAll('%', '*')))
    .sort()
    .slice(0, MAX_CONFIG_FILES)
    .map(file => `/${relative(root, file)}`);

const stem = (file: string): string => file.replace(/^.*\//, '').replace(/\.[^.]*$/, '');

const runsOn = (platforms: unknown, platform: NodeJS.Platform): boolean => {
  if (typeof platforms !== 'string' || platforms.trim() === '') return true;
  const own = ['all', 'any', 'posix', platform];
  return platforms.split(',').some(name => own.includes(name.trim()));
};
