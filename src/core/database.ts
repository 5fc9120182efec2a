/**
 * Core's database: text values by domain and key. With a path it is a log of changes, one JSON line each, appended
 * before the change counts. So a killed core leaves everything it had stored; an incomplete last line is dropped. The
 * log is rewritten when most of it is outdated.
 */

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../runtime/coded-error.ts';

/** Core's domains (osquery 5.23 `database/database.cpp`). */
export const DOMAINS: readonly string[] = [
  'configurations',
  'queries',
  'events',
  'logs',
  'carves',
  'distributed',
  'distributed_running',
  'query_performance',
];

/** A log longer than this, and more than four times what it holds, is rewritten. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/** Longest log read at start. */
const MAX_LOG_BYTES = 1024 * 1024 * 1024;

const FILE = 'core.jsonl';

/** A request that the database answers with a status other than 0. */
export class DatabaseError extends CodedError<'database'> {
  override readonly name = 'DatabaseError';

  constructor(message: string, options?: ErrorOptions) {
    super('database', message, options);
  }
}

export class CoreDatabase {
  readonly #domains = new Map<string, Map<string, string>>(DOMAINS.map(domain => [domain, new Map()]));
  readonly #path: string | undefined;
  #file: number | undefined;
  #logBytes = 0;
  #liveBytes = 0;

  /** `path` is a directory, made with mode 0700; without one everything is forgotten at the end. */
  constructor(path?: string) {
    if (path === undefined) return;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#path = join(path, FILE);
    this.#load(this.#path);
    this.#compact();
  }

  /** Undefined when there is no such key. */
  get(domain: string, key: string): string | undefined {
    return this.#domain(domain).get(key);
  }

  put(domain: string, key: string, value: string): void {
    this.#domain(domain).set(key, value);
    this.#append({ d: domain, k: key, v: value });
  }

  remove(domain: string, key: string): void {
    if (this.#domain(domain).delete(key)) this.#append({ d: domain, k: key });
  }

  /** Removes the keys from `low` to `high`, both included. */
  removeRange(domain: string, low: string, high: string): void {
    for (const key of this.scan(domain)) if (key >= low && key <= high) this.remove(domain, key);
  }

  /** Keys with the prefix in order, at most `max` of them; 0 is no limit. */
  scan(domain: string, prefix = '', max = 0): string[] {
    const keys = [...this.#domain(domain).keys()].filter(key => key.startsWith(prefix)).sort();
    return max > 0 ? keys.slice(0, max) : keys;
  }

  /** May be called any number of times. */
  close(): void {
    if (this.#file === undefined) return;
    fsyncSync(this.#file);
    closeSync(this.#file);
    this.#file = undefined;
  }

  /** The database plugin's requests as they come over Thrift; returns the response's rows. */
  call(request: Readonly<Record<string, string>>): Readonly<Record<string, string>>[] {
    const { action, domain = '', key = '', value, prefix = '', max = '0', key_high = '', json } = request;
    switch (action) {
      case undefined:
        throw new DatabaseError('Database plugin must include a request action');
      case 'get': {
        const found = this.get(domain, key);
        if (found === undefined) throw new DatabaseError('NotFound: ');
        return [{ v: found }];
      }
      case 'put':
        if (value === undefined) throw new DatabaseError('Database plugin put action requires a value');
        this.put(domain, key, value);
        return [];
      case 'putBatch':
        this.#putBatch(domain, json);
        return [];
      case 'remove':
        this.remove(domain, key);
        return [];
      case 'remove_range':
        if (key === '' || key_high === '') throw new DatabaseError('Missing range');
        this.removeRange(domain, key, key_high);
        return [];
      case 'scan':
        return this.scan(domain, prefix, Number.parseInt(max, 10) || 0).map(k => ({ k }));
      case 'reset':
        return [];
      default:
        throw new DatabaseError('Unknown database plugin action');
    }
  }

  #putBatch(domain: string, json: string | undefined): void {
    if (json === undefined) {
      throw new DatabaseError('Database plugin putBatch action requires a json-encoded value list');
    }
    let values: unknown;
    try {
      values = JSON.parse(json);
    } catch {
      values = undefined;
    }
    const entries =
      values !== null && typeof values === 'object' ? Object.entries(values) : [['', undefined]];
    if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
      throw new DatabaseError(
        'Database plugin putBatch action with an invalid json received. Only string values are supported',
      );
    }
    for (const [key, value] of entries) this.put(domain, key, value);
  }

  #domain(name: string): Map<string, string> {
    const domain = this.#domains.get(name);
    if (domain === undefined) {
      throw new DatabaseError(name === '' ? 'Missing domain' : `Could not get column family for ${name}`);
    }
    return domain;
  }

  #load(path: string): void {
    let text: string;
    try {
      const bytes = readFileSync(path);
      if (bytes.length > MAX_LOG_BYTES) {
        throw new DatabaseError(
          `expected a database of at most ${MAX_LOG_BYTES} bytes, but ${path} has ${bytes.length}: move it away`,
        );
      }
      text = bytes.toString();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    // The text after the last line feed was being written when the previous core was killed.
    const lines = text.split('\n').slice(0, -1);
    for (const line of lines) {
      let change: { d?: unknown; k?: unknown; v?: unknown };
      try {
        change = JSON.parse(line) as typeof change;
      } catch {
        continue;
      }
      const domain = typeof change.d === 'string' ? this.#domains.get(change.d) : undefined;
      if (domain === undefined || typeof change.k !== 'string') continue;
      if (typeof change.v === 'string') domain.set(change.k, change.v);
      else domain.delete(change.k);
    }
  }

  #append(change: { readonly d: string; readonly k: string; readonly v?: string }): void {
    if (this.#file === undefined) return;
    const line = Buffer.from(`${JSON.stringify(change)}\n`);
    let written = 0;
    while (written < line.length) written += writeSync(this.#file, line, written);
    this.#logBytes += line.length;
    if (this.#logBytes > COMPACT_BYTES && this.#logBytes > 4 * this.#liveBytes) this.#compact();
  }

  #compact(): void {
    const path = this.#path;
    if (path === undefined) return;
    const lines: string[] = [];
    for (const [domain, values] of this.#domains) {
      for (const [key, value] of values) lines.push(`${JSON.stringify({ d: domain, k: key, v: value })}\n`);
    }
    const bytes = Buffer.from(lines.join(''));
    const temporary = `${path}.new`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(file, bytes, written);
      fsyncSync(file);
      renameSync(temporary, path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = file;
    this.#logBytes = bytes.length;
    this.#liveBytes = bytes.length;
  }
}
