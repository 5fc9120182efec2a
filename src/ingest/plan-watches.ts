import { readdir, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Watch } from '../audit/control/rules.ts';
import { hasWildcard, patternExpression, shellPattern } from '../events/watched-matcher.ts';
import type { WatchedPaths } from '../flags/watched-paths.ts';

/**
 * Most directories that are watched: the kernel compares each call that opens or changes something with each of them.
 */
export const MOST_DIRECTORIES = 64;
/** Most single paths that are watched: the kernel finds those by their inode. */
export const MOST_PATHS = 512;
/** Number of paths in one directory from which on the directory is watched instead. */
const CROWD = 8;
/** Most directories that wildcards within a pattern may match. */
const MOST_EXPANDED = 4_096;
/** Most directories, and most single paths, that are looked for once a minute. */
export const MOST_LOOKED_FOR = 4_096;
/** Milliseconds for a file system's answer. */
const ANSWER_MS = 2_000;
/** Longest path of a rule, in bytes. Source: PATH_MAX. */
const MOST_PATH_BYTES = 4_095;

export interface WatchPlan {
  readonly watches: readonly Watch[];
  /** One sentence for each kind of problem, with the first pattern that has it. */
  readonly problems: readonly string[];
}

/** The part of the file systems that is needed here. */
export interface WatchedFileSystem {
  /** undefined if the path does not exist, or there is no answer. */
  kind(path: string): Promise<'directory' | 'other' | undefined>;
  /** Changes when another file or directory takes this one's place. */
  identity(path: string): Promise<string | undefined>;
  /** Names of the directories in a directory; none if it cannot be read. */
  directories(path: string): Promise<readonly string[]>;
}

const unlessSilent = async <T>(answer: Promise<T>): Promise<T | undefined> =>
  Promise.race([answer.catch(() => undefined), sleep(ANSWER_MS, undefined, { ref: false })]);

export const hostFileSystem: WatchedFileSystem = {
  async kind(path) {
    const stats = await unlessSilent(stat(path));
    return stats === undefined ? undefined : stats.isDirectory() ? 'directory' : 'other';
  },
  async identity(path) {
    const stats = await unlessSilent(stat(path));
    // The inode number alone is not enough: the number of a removed directory is soon reused.
    return stats && `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
  },
  async directories(path) {
    const entries = await unlessSilent(readdir(path, { withFileTypes: true }));
    return entries?.filter(entry => entry.isDirectory()).map(({ name }) => name) ?? [];
  },
};

/**
 * What the kernel must watch for a configuration: directories in which wildcards match, and named paths. For a
 * pattern with wildcards this includes more than the pattern; the excess is left out when rows are made.
 */
export const planWatches = async (
  { included }: WatchedPaths,
  files: WatchedFileSystem = hostFileSystem,
): Promise<WatchPlan> => {
  const trouble = new Troubles();
  const directories = new Set<string>();
  const paths = new Set<string>();
  for (const pattern of new Set(included.map(each => shellPattern(each.pattern)))) {
    const why = unsayable(pattern);
    if (why !== undefined) trouble.add(why, pattern);
    else if (hasWildcard(pattern)) for (const found of await expand(pattern, files, trouble)) add(found);
    else paths.add(withoutSlash(pattern));
  }
  function add(watch: Watch): void {
    (watch.kind === 'directory' ? directories : paths).add(watch.path);
  }
  gatherCrowds(paths, directories);
  const outer = withoutNested(directories);
  const there: Watch[] = [];
  for (const path of trouble.first(outer, MOST_LOOKED_FOR, 'directories are looked for')) {
    if ((await files.kind(path)) === 'directory')
      there.push({ kind: 'directory', path, identity: await files.identity(path) });
    else trouble.add('there is no such directory yet', path);
  }
  const single: Watch[] = [];
  const watched = new Set(outer);
  const apart = [...paths].filter(path => !isBelowAny(path, watched));
  for (const path of trouble.first(apart, MOST_LOOKED_FOR, 'single paths are looked for')) {
    if ((await files.kind(parentOf(path))) === 'directory') single.push({ kind: 'path', path });
    else trouble.add('its directory does not exist yet', path);
  }
  return {
    watches: [
      ...trouble.first(there, MOST_DIRECTORIES, 'directories are watched'),
      ...trouble.first(single, MOST_PATHS, 'single paths are watched'),
    ],
    problems: trouble.sentences(),
  };
};

/** Why no rule can express a pattern. */
const unsayable = (pattern: string): string | undefined => {
  if (!pattern.startsWith('/')) return 'it does not begin with /';
  if (pattern.includes('\0')) return 'it has a NUL';
  if (Buffer.byteLength(pattern) > MOST_PATH_BYTES) return `it is longer than ${MOST_PATH_BYTES} bytes`;
  if (!hasWildcard(pattern)) return undefined;
  try {
    patternExpression(pattern);
    return undefined;
  } catch {
    return 'it is not a pattern';
  }
};

/** The present matches of a pattern with wildcards: directories, or a path in each of them. */
const expand = async (
  pattern: string,
  files: WatchedFileSystem,
  trouble: Troubles,
): Promise<readonly Watch[]> => {
  const parts = pattern.split('/').slice(1);
  const last = parts.findLastIndex(hasWildcard);
  let places = [''];
  // Braces may contain slashes; then the whole directory before them is watched.
  for (const part of pattern.includes('{')
    ? parts.slice(0, parts.findIndex(hasWildcard))
    : parts.slice(0, last)) {
    if (!hasWildcard(part)) {
      places = places.map(place => `${place}/${part}`);
      continue;
    }
    const expression = patternExpression(part);
    const next: string[] = [];
    for (const place of places) {
      for (const name of await files.directories(place || '/'))
        if (expression.test(name)) next.push(`${place}/${name}`);
      if (next.length > MOST_EXPANDED) break;
    }
    if (next.length > MOST_EXPANDED)
      trouble.add(`it stands for more than ${MOST_EXPANDED} directories`, pattern);
    places = next.slice(0, MOST_EXPANDED);
  }
  const isWithin = last === parts.length - 1 || pattern.includes('{');
  if (isWithin) return places.map(path => ({ kind: 'directory', path: path || '/' }));
  // A literal name below a wildcard, as in /home/*/.ssh/config.
  const expression = patternExpression(parts[last]!);
  const tail = parts.slice(last + 1).join('/');
  const found: Watch[] = [];
  for (const place of places) {
    for (const name of await files.directories(place || '/'))
      if (expression.test(name)) found.push({ kind: 'path', path: withoutSlash(`${place}/${name}/${tail}`) });
  }
  return found.slice(0, MOST_EXPANDED);
};

/** Many paths in one directory cost less as one directory. */
const gatherCrowds = (paths: Set<string>, directories: Set<string>): void => {
  const byParent = new Map<string, string[]>();
  for (const path of paths) {
    const parent = parentOf(path);
    const group = byParent.get(parent);
    if (group === undefined) byParent.set(parent, [path]);
    else group.push(path);
  }
  for (const [parent, group] of byParent) {
    if (group.length < CROWD) continue;
    directories.add(parent);
    for (const path of group) paths.delete(path);
  }
};

const withoutNested = (directories: ReadonlySet<string>): readonly string[] =>
  [...directories].filter(path => !isBelowAny(path, directories));

const isBelowAny = (path: string, directories: Iterable<string>): boolean => {
  const all = directories instanceof Set ? directories : new Set(directories);
  for (let parent = path; parent !== '/'; ) {
    parent = parentOf(parent);
    if (all.has(parent)) return true;
  }
  return false;
};

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/** Collects what cannot be watched, with one sentence for each reason. */
class Troubles {
  readonly #found = new Map<string, { readonly first: string; count: number }>();

  add(why: string, pattern: string, count = 1): void {
    const known = this.#found.get(why);
    if (known === undefined) this.#found.set(why, { first: pattern, count });
    else known.count += count;
  }

  /** The first items of a list; if there are more, that is reported. */
  first<One extends Watch | string>(list: readonly One[], most: number, what: string): readonly One[] {
    const [beyond] = list.slice(most, most + 1);
    if (beyond !== undefined) {
      const path = typeof beyond === 'string' ? beyond : beyond.path;
      this.add(`at most ${most} ${what}`, path, list.length - most);
    }
    return list.slice(0, most);
  }

  sentences(): readonly string[] {
    return Array.from(this.#found, ([why, { first, count }]) => {
      const more = count === 1 ? '' : ` and ${count - 1} more`;
      return `process_file_events does not watch ${JSON.stringify(first)}${more}: ${why}`;
    });
  }
}
