import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/** Pages for who uses the program; those of the SDK are for who writes another one. */
const isForUsers = (path: string): boolean => path.endsWith('.md') && !path.includes('osquery-extension-ts');

/** The pages that a package brings, by path, in a tree of their own. Links to what it does not bring become text. */
export const shippedPages = async (root: string): Promise<ReadonlyMap<string, string>> => {
  const found = await Promise.all(
    ['tables', 'src'].map(async directory =>
      (await readdir(join(root, directory), { recursive: true })).map(path => `${directory}/${path}`),
    ),
  );
  const paths = ['README.md', ...found.flat().filter(isForUsers).sort()];
  return new Map(
    await Promise.all(
      paths.map(async path => {
        const page = await readFile(join(root, path), 'utf8');
        return [path, withLinksTo(paths, page, dirname(path))] as const;
      }),
    ),
  );
};

const withLinksTo = (paths: readonly string[], page: string, directory: string): string =>
  page.replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/g, (link: string, text: string, target: string) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return link;
    const path = normalize(join(directory, target.replace(/#.*$/, '')));
    return paths.includes(path) ? link : text;
  });
