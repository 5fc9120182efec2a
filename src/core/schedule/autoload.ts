/**
 * Decides which extensions core starts: those in the file of `--extensions_autoload`, one path or directory a line,
 * that nobody else could have changed.
 *
 * Source: osquery 5.23 `extensions/extensions.cpp` (loadExtensions, isFileSafe), `filesystem/filesystem.cpp`
 * (safePermissions).
 */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Longest list read. */
const MAX_LOAD_BYTES = 1024 * 1024;

const STICKY = 0o1000;
const OWNER_MAY_RUN = 0o100;
const OTHERS_MAY_WRITE = 0o002;

/** Core's own message if it does not start an extension; undefined if it does. */
export const whyNotAutoload = (
  path: string,
  uid: number | undefined = process.geteuid?.(),
): string | undefined => {
  const file = statOf(path);
  if (file === undefined) return `extension doesn't exist at: ${path}`;
  const directory = statOf(dirname(path));
  const isSafe =
    file.isFile() &&
    directory !== undefined &&
    (directory.mode & STICKY) === 0 &&
    (file.uid === 0 || file.uid === uid) &&
    (file.mode & OWNER_MAY_RUN) !== 0 &&
    (file.mode & OTHERS_MAY_WRITE) === 0;
  if (!isSafe) return `Will not autoload extension with unsafe directory permissions: ${path}`;
  if (!path.endsWith('.ext')) return `Will not autoload extension not ending in one of '.ext': ${path}`;
  return undefined;
};

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

export interface Autoload {
  /** Paths of extensions to start, without duplicates. */
  readonly paths: readonly string[];
  /** One for each extension that is not started. */
  readonly warnings: readonly string[];
}

/** Reads the list; undefined if there is none, which for core means no extensions. */
export const readAutoload = (loadFile: string): Autoload | undefined => {
  const stats = statOf(loadFile);
  if (stats === undefined || !stats.isFile() || stats.size > MAX_LOAD_BYTES) return undefined;
  const paths = new Set<string>();
  const warnings: string[] = [];
  for (const line of readFileSync(loadFile, 'utf8').split('\n')) {
    const listed = line.trim();
    if (listed === '' || listed.startsWith('#') || listed.startsWith(';')) continue;
    const files = statOf(listed)?.isDirectory()
      ? readdirSync(listed)
          .sort()
          .map(name => join(listed, name))
          .filter(path => statOf(path)?.isFile())
      : [listed];
    for (const path of files) {
      const warning = whyNotAutoload(path);
      if (warning === undefined) paths.add(path);
      else warnings.push(warning);
    }
  }
  return { paths: [...paths], warnings };
};
