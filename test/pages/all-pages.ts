import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Pages with a history, a reference made from declarations, or a reader of their own. */
const OTHERS = new Set([
  'CHANGELOG.md',
  'src/osquery-extension-ts/CHANGELOG.md',
  'src/osquery-extension-ts/REFERENCE.md',
]);

/** Paths of the documentation's pages. */
export const pagePaths = (): readonly string[] =>
  ['README.md', ...['.github', 'src', 'tables', 'test'].flatMap(below)].filter(path => !OTHERS.has(path));

const below = (directory: string): readonly string[] =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap(entry => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : below(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });

export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8');
