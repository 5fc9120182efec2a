import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PROGRAM } from '../../runtime/program-name.ts';
import type { ExtensionFacts, ExtensionFile } from '../facts.ts';
import { fileFailure, readText } from './read-text.ts';

/** Longest list of extensions. */
const MAX_LOAD_BYTES = 1024 * 1024;
/** Most files of one directory in that list. */
const MAX_DIRECTORY_FILES = 10_000;

export interface ReadExtensionFilesOptions {
  /** Put before every path, for tests. */
  readonly root: string;
  /** osquery's extensions_autoload. */
  readonly loadPath: string;
  /** The file of --ext. */
  readonly given: string | undefined;
}

/** Reads the list of extensions that osqueryd starts, and looks at those that are ours. */
export const readExtensionFiles = ({ root, loadPath, given }: ReadExtensionFilesOptions): ExtensionFacts => {
  const reading = readText(join(root, loadPath), MAX_LOAD_BYTES);
  const names = reading.kind === 'read' ? listedNames(root, reading.text) : [];
  const ours = new Set(names.filter(name => isOurs(name) || name === given));
  if (given !== undefined) ours.add(given);
  return {
    load: reading.kind === 'read' ? { kind: 'read', path: loadPath, names } : { ...reading, path: loadPath },
    given,
    files: [...ours].map(path => lookAt(root, path)),
  };
};

/** Also if its name has a version, or lacks the ending that osqueryd requires. */
export const isOurs = (path: string): boolean => basename(path).startsWith(PROGRAM);

/** A directory stands for all files below it. Lines may be commented out with `#` or `;`. */
const listedNames = (root: string, text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
    .flatMap(line => filesBelow(root, line) ?? [line]);

/** undefined if it is not a directory. */
const filesBelow = (root: string, path: string): string[] | undefined => {
  try {
    if (!statSync(join(root, path)).isDirectory()) return undefined;
    return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      .filter(entry => !entry.isDirectory())
      .slice(0, MAX_DIRECTORY_FILES)
      .map(entry => join('/', entry.parentPath.slice(join(root, '/').length - 1), entry.name));
  } catch {
    return undefined;
  }
};

const lookAt = (root: string, path: string): ExtensionFile => {
  let file: Stats;
  let directory: Stats;
  try {
    file = statSync(join(root, path));
    directory = statSync(dirname(join(root, path)));
  } catch (error) {
    return { ...fileFailure(error), path };
  }
  return {
    kind: 'found',
    path,
    isFile: file.isFile(),
    uid: file.uid,
    mode: file.mode & 0o7777,
    directoryMode: directory.mode & 0o7777,
  };
};
