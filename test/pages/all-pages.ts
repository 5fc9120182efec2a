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

/** Paths of the documentation's pages, in this checkout or another one. */
export const pagePaths = (checkout = root): readonly string[] =>
  ['README.md', ...['.github', 'src', 'tables', 'test'].flatMap(name => below(checkout, name))].filter(
    path => !OTHERS.has(path),
  );

const below = (checkout: string, directory: string): readonly string[] =>
  readdirSync(join(checkout, directory), { withFileTypes: true }).flatMap(entry => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory())
      return entry.name === 'node_modules' || entry.name === 'dist' ? [] : below(checkout, path);
    return entry.name.endsWith('.md') ? [path] : [];
  });

export const readPage = (path: string, checkout = root): string => readFileSync(join(checkout, path), 'utf8');
