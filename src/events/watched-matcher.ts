import type { WatchedPaths, WatchedPattern } from '../flags/watched-paths.ts';

/** An osquery pattern as a shell pattern: `%` is `*`, and `%%` is `**`. */
export const shellPattern = (pattern: string): string => pattern.replaceAll('%', '*');

const WILDCARD = /[*?[\]{}]/;

/** Whether a path, or a part of one, contains wildcards. */
export const hasWildcard = (text: string): boolean => WILDCARD.test(text);

/**
 * A pattern as a regular expression for whole paths. `*` stays within one part of a path; `**` at the end matches
 * everything below. Source: glob(7) with GLOB_BRACE, as in osquery's resolveFilePattern.
 */
export const patternExpression = (pattern: string): RegExp => {
  const isRecursive = pattern.endsWith('**');
  const glob = isRecursive ? pattern.slice(0, -2) : pattern;
  let depth = 0;
  const source = glob.replaceAll(/\*+|\?|\[!?[^\]/]*\]|[{},]|[\\^$.|+()[\]]/g, token => {
    if (token.startsWith('*')) return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.length > 1) return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    if (token === '{') {
      depth++;
      return '(?:';
    }
    if (token === '}' && depth > 0) {
      depth--;
      return ')';
    }
    if (token === ',') return depth > 0 ? '|' : ',';
    return `\\${token}`;
  });
  return new RegExp(`^${source}${')'.repeat(depth)}${isRecursive ? '.+' : ''}$`, 's');
};

interface Glob {
  readonly category: string;
  readonly expression: RegExp;
}

/** Patterns by the directory at which their wildcards begin, so that a path is compared with few of them. */
class PatternSet {
  readonly #literals = new Map<string, Set<string>>();
  readonly #globs = new Map<string, Glob[]>();
  /** Directories that contain a literal pattern. */
  readonly #directories = new Set<string>();

  constructor(patterns: readonly WatchedPattern[]) {
    for (const { category, pattern: text } of patterns) {
      const pattern = shellPattern(text);
      if (!hasWildcard(pattern)) {
        const path = pattern.length > 1 && pattern.endsWith('/') ? pattern.slice(0, -1) : pattern;
        put(this.#literals, path, () => new Set<string>()).add(category);
        this.#directories.add(path.slice(0, Math.max(1, path.lastIndexOf('/'))));
        continue;
      }
      const base = literalBase(pattern);
      try {
        put<string, Glob[]>(this.#globs, base, () => []).push({
          category,
          expression: patternExpression(pattern),
        });
      } catch {
        // An invalid set of characters; the planning of watches reports it.
      }
    }
  }

  /** Categories whose patterns the path matches, in no order. */
  *categoriesOf(path: string): Generator<string> {
    yield* this.#literals.get(path) ?? [];
    for (const directory of ancestors(path)) {
      for (const { category, expression } of this.#globs.get(directory) ?? [])
        if (expression.test(path)) yield category;
    }
  }

  /** Whether a path is in a place where some pattern could match. */
  isBelow(path: string): boolean {
    for (const directory of ancestors(path))
      if (this.#globs.has(directory) || this.#directories.has(directory)) return true;
    return this.#literals.has(path);
  }
}

const put = <Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
};

/** The directory up to which a pattern is literal. */
export const literalBase = (pattern: string): string => {
  const parts = pattern.split('/');
  const first = parts.findIndex(hasWildcard);
  return parts.slice(0, first).join('/') || '/';
};

/** The directories that contain a path, the innermost first. */
function* ancestors(path: string): Generator<string> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) yield path.slice(0, at);
  yield '/';
}

/** Decides which paths a configuration means. */
export class WatchedMatcher {
  readonly #included: PatternSet;
  readonly #excluded: PatternSet;

  constructor({ included, excluded }: WatchedPaths) {
    this.#included = new PatternSet(included);
    this.#excluded = new PatternSet(excluded);
  }

  /** The first category that includes the path and does not exclude it; undefined if none does. */
  categoryOf(path: string): string | undefined {
    let excluded: Set<string> | undefined;
    for (const category of this.#included.categoriesOf(path)) {
      excluded ??= new Set(this.#excluded.categoriesOf(path));
      if (!excluded.has(category)) return category;
    }
    return undefined;
  }

  /** Whether the configuration says anything about a path; if not, it is not a path as the host sees it. */
  knows(path: string): boolean {
    return this.#included.isBelow(path);
  }
}

const matchers = new WeakMap<WatchedPaths, WatchedMatcher>();

/** Made once for each configuration. */
export const matcherOf = (watched: WatchedPaths): WatchedMatcher => {
  let matcher = matchers.get(watched);
  if (matcher === undefined) {
    matcher = new WatchedMatcher(watched);
    matchers.set(watched, matcher);
  }
  return matcher;
};
