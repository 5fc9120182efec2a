import { type ColumnConstraints, parseQueryContext, type QueryContext } from './query-context.ts';

/** Most values in a template; a join has one or two. */
const MAX_VALUES = 8;
/** Most templates that are remembered: several queries may join the same table. */
const MAX_TEMPLATES = 4;
/** The text before a value, as core writes it. */
const BEFORE_VALUE = '"expr":"';
/** Text that needs no escapes in JSON. */
const PLAIN = /^[^"\\\u0000-\u001f]*$/;

/** A context whose values are left out. */
interface ContextTemplate {
  /** The text between the values, before the first and behind the last. */
  readonly pieces: readonly string[];
  /** The columns that the values are compared with, in order. */
  readonly columns: readonly string[];
  readonly context: QueryContext;
}

/**
 * Reads the contexts of one table. A context that differs from an earlier one only in the compared values is not
 * parsed as JSON again: in a join core asks a thousand times a second, and parsing the same column names each time
 * takes longer than finding the rows.
 */
export class ContextParser {
  /** Most recently used first. */
  readonly #templates: ContextTemplate[] = [];

  /**
   * Reads what `parseQueryContext` reads.
   *
   * @throws OsqueryError OSQUERY_INVALID when it is not a JSON object
   */
  parse(json: string | undefined): QueryContext {
    const like = json === undefined ? undefined : this.#fromTemplate(json);
    if (like !== undefined) return like;
    const context = parseQueryContext(json);
    const template = json === undefined ? undefined : templateOf(json, context);
    if (template !== undefined) {
      this.#templates.unshift(template);
      this.#templates.length = Math.min(this.#templates.length, MAX_TEMPLATES);
    }
    return context;
  }

  #fromTemplate(json: string): QueryContext | undefined {
    for (const [place, template] of this.#templates.entries()) {
      const values = valuesIn(json, template.pieces);
      if (values === undefined) continue;
      if (place > 0) {
        this.#templates.splice(place, 1);
        this.#templates.unshift(template);
      }
      return withValues(template, values);
    }
    return undefined;
  }
}

/** @returns undefined if the context has no values, too many, or is not written as core writes it */
function templateOf(json: string, context: QueryContext): ContextTemplate | undefined {
  if (context.limit !== undefined || context.offset !== undefined) return undefined;
  const values: string[] = [];
  const columns: string[] = [];
  for (const [column, { list }] of context.constraints) {
    for (const { expr } of list) {
      values.push(expr);
      columns.push(column);
    }
  }
  if (values.length === 0 || values.length > MAX_VALUES) return undefined;
  const parts = json.split(BEFORE_VALUE);
  if (parts.length !== values.length + 1) return undefined;
  const pieces = [parts[0]! + BEFORE_VALUE];
  for (const [i, value] of values.entries()) {
    const part = parts[i + 1]!;
    if (!PLAIN.test(value) || !part.startsWith(`${value}"`)) return undefined;
    pieces.push(part.slice(value.length) + (i + 1 < values.length ? BEFORE_VALUE : ''));
  }
  return { pieces, columns, context };
}

function valuesIn(json: string, pieces: readonly string[]): string[] | undefined {
  const values: string[] = [];
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    // Compared as a whole: startsWith goes character by character.
    if (json.slice(at, at + piece.length) !== piece) return undefined;
    at += piece.length;
    if (i === pieces.length - 1) break;
    const end = json.indexOf('"', at);
    const value = json.slice(at, Math.max(at, end));
    if (end < 0 || !PLAIN.test(value)) return undefined;
    values.push(value);
    at = end;
  }
  return at === json.length ? values : undefined;
}

function withValues({ columns, context }: ContextTemplate, values: readonly string[]): QueryContext {
  const changed = new Map<string, ColumnConstraints>();
  for (let from = 0; from < columns.length; ) {
    const column = columns[from]!;
    const { affinity, list } = context.constraints.get(column)!;
    const first = from;
    changed.set(column, { affinity, list: list.map(({ op }, i) => ({ op, expr: values[first + i]! })) });
    from += list.length;
  }
  const { colsUsed, colsUsedBitset, limit, offset } = context;
  return { constraints: new MapWith(context.constraints, changed), colsUsed, colsUsedBitset, limit, offset };
}

/** A map with other values for some of its keys. Copying the map of all columns would take longer than the rest of the parse. */
class MapWith<K, V> implements ReadonlyMap<K, V> {
  readonly #base: ReadonlyMap<K, V>;
  readonly #changed: ReadonlyMap<K, V>;

  constructor(base: ReadonlyMap<K, V>, changed: ReadonlyMap<K, V>) {
    this.#base = base;
    this.#changed = changed;
  }

  get size(): number {
    return this.#base.size;
  }

  get(key: K): V | undefined {
    return this.#changed.get(key) ?? this.#base.get(key);
  }

  has(key: K): boolean {
    return this.#base.has(key);
  }

  keys(): MapIterator<K> {
    return this.#base.keys();
  }

  *entries(): MapIterator<[K, V]> {
    for (const [key, value] of this.#base) yield [key, this.#changed.get(key) ?? value];
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this);
  }
}
