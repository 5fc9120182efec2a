import { describe, expect, it } from 'vitest';
import {
  MOST_DIRECTORIES,
  MOST_LOOKED_FOR,
  MOST_PATHS,
  planWatches,
  type WatchedFileSystem,
} from '../../src/ingest/plan-watches.ts';

/** A file system of directories; what is no directory is a file, or not there. */
const fileSystem = (...directories: string[]): WatchedFileSystem => ({
  kind: async path => (path === '/' || directories.includes(path) ? 'directory' : undefined),
  identity: async () => undefined,
  directories: async path => {
    const below = path === '/' ? '/' : `${path}/`;
    return directories
      .filter(each => each.startsWith(below) && !each.slice(below.length).includes('/'))
      .map(each => each.slice(below.length));
  },
});

const plan = async (patterns: readonly string[], files: WatchedFileSystem) => {
  const included = patterns.map(pattern => ({ category: 'a', pattern }));
  const { watches, problems } = await planWatches({ included, excluded: [] }, files);
  return { watches: watches.map(({ kind, path }) => `${kind} ${path}`), problems };
};
const HOST = fileSystem(
  '/etc',
  '/etc/ssl',
  '/home',
  '/home/a',
  '/home/a/.ssh',
  '/home/b',
  '/usr',
  '/usr/bin',
);

describe('planWatches', () => {
  it.each([
    [['/etc/%%'], ['directory /etc']],
    [['/etc/%', '/etc/ssl/%%'], ['directory /etc']],
    [['/etc/*.conf'], ['directory /etc']],
    [['/home/%/.ssh/%%'], ['directory /home/a/.ssh']],
    [['/home/%/.bashrc'], ['path /home/a/.bashrc', 'path /home/b/.bashrc']],
    [
      ['/etc/passwd', '/etc/not-there-yet'],
      ['path /etc/passwd', 'path /etc/not-there-yet'],
    ],
    [['/etc/ssl/'], ['path /etc/ssl']],
    [['/%%'], ['directory /']],
    [['/{usr,etc}/x%'], ['directory /']],
    [['/etc/passwd', '/etc/%%'], ['directory /etc']],
    [[], []],
  ])('%j', async (patterns, watches) => {
    const planned = await plan(patterns, HOST);
    expect(planned.watches).toEqual(watches);
  });

  it('names what no rule can say once, and watches the rest', async () => {
    const { watches, problems } = await plan(
      ['relative/%%', '~/x', '/etc/%%', '/nowhere/%%', '/gone/x', `/${'x'.repeat(4095)}`, '/a\0b'],
      HOST,
    );
    expect(watches).toEqual(['directory /etc']);
    expect(problems).toEqual([
      'process_file_events does not watch "relative/**" and 1 more: it does not begin with /',
      `process_file_events does not watch "/${'x'.repeat(4095)}": it is longer than 4095 bytes`,
      'process_file_events does not watch "/a\\u0000b": it has a NUL',
      'process_file_events does not watch "/nowhere": there is no such directory yet',
      'process_file_events does not watch "/gone/x": its directory does not exist yet',
    ]);
  });

  it('watches 100,000 paths by their directories', async () => {
    const directories = Array.from({ length: 10 }, (_, i) => `/data${i}`);
    const { watches, problems } = await plan(
      Array.from({ length: 100_000 }, (_, i) => `/data${i % 10}/${i}`),
      fileSystem(...directories),
    );
    expect(watches).toEqual(directories.map(path => `directory ${path}`));
    expect(problems).toEqual([]);
  });

  it('looks for no more than so many, and says of how many it does not', async () => {
    let looked = 0;
    const nowhere: WatchedFileSystem = {
      kind: async () => {
        looked++;
        return undefined;
      },
      identity: async () => undefined,
      directories: async () => [],
    };
    const { watches, problems } = await plan(
      Array.from({ length: 100_000 }, (_, i) => (i % 2 === 0 ? `/d${i}/x` : `/d${i}/%%`)),
      nowhere,
    );
    expect(watches).toEqual([]);
    expect(looked).toBe(2 * MOST_LOOKED_FOR);
    const left = 50_000 - MOST_LOOKED_FOR;
    for (const what of ['directories', 'single paths'])
      expect(problems).toContainEqual(
        expect.stringContaining(`and ${left - 1} more: at most ${MOST_LOOKED_FOR} ${what} are looked for`),
      );
  });

  it('watches no more than so many, and says how many not', async () => {
    const directories = Array.from({ length: 1_000 }, (_, i) => `/d${i}`);
    const { watches, problems } = await plan(
      [...directories.map(path => `${path}/%%`), ...directories.map(path => `${path.replace('d', 'e')}/x`)],
      fileSystem(...directories, ...directories.map(path => path.replace('d', 'e'))),
    );
    expect(watches).toHaveLength(MOST_DIRECTORIES + MOST_PATHS);
    expect(problems).toEqual([
      expect.stringMatching(
        new RegExp(`and ${1_000 - MOST_DIRECTORIES - 1} more: at most ${MOST_DIRECTORIES} `),
      ),
      expect.stringMatching(new RegExp(`and ${1_000 - MOST_PATHS - 1} more: at most ${MOST_PATHS} `)),
    ]);
  });
});
