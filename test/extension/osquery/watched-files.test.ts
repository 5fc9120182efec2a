import { type ExtensionManagerClient, OsqueryStatusError } from 'osquery-extension-ts';
import { describe, expect, it } from 'vitest';
import { WatchedFiles } from '../../../src/extension/osquery/watched-files.ts';

type Answer = Readonly<Record<string, string>>;

/** A core with a configuration; what was asked of its config plugin is in `asked`. */
const core = (sources: Answer, packs: Answer = {}, backup: Answer = {}) => {
  const state = { hash: '1', valid: '1', sources, asked: [] as string[] };
  const failed = (message: string) => new OsqueryStatusError({ code: 1, message, uuid: 0 });
  const client = {
    query: async (sql: string) => {
      if (sql.includes('osquery_info')) return [{ config_hash: state.hash, config_valid: state.valid }];
      if (sql.includes('broken')) throw failed('no such table: broken');
      return [{ path: '/found/%%' }, { path: '' }, {}];
    },
    call: async (_registry: string, _item: string, request: Answer) => {
      state.asked.push(request.action!);
      if (request.action === 'genConfig') return [state.sources];
      const text = packs[request.value!];
      return [text === undefined ? {} : { [request.name!]: text }];
    },
    database: {
      scan: async () => Object.keys(backup),
      getAll: async (keys: readonly (readonly [string, string])[]) => keys.map(([, key]) => backup[key]),
    },
  } as unknown as ExtensionManagerClient;
  const warnings: string[] = [];
  const files = new WatchedFiles(client, message => warnings.push(message));
  return { state, warnings, read: () => files.read() };
};
const paths = async ({ read }: ReturnType<typeof core>) => {
  const { included, excluded } = await read();
  const said = (list: typeof included) => list.map(({ category, pattern }) => `${category} ${pattern}`);
  return { included: said(included), excluded: said(excluded) };
};

describe('files that the configuration names', () => {
  it('are those of file_paths, its queries, exclude_paths and packs, of all sources', async () => {
    const main = `{"file_paths": {"etc": ["/etc/%%"], "bin": ["/usr/bin/%"]}, "exclude_paths": {"etc": ["/etc/ssl/%%"]},
      "file_paths_query": {"asked": ["SELECT path FROM x"]},
      "packs": {"inner": {"file_paths": {"p": ["/p/%"]}}, "file": "/packs/one.conf", "gone": "/packs/gone.conf"}}`;
    const other = '{"file_paths": {"other": ["/opt/%%"]}}';
    const all = core({ main, other }, { '/packs/one.conf': '{"file_paths": {"one": ["/one/%"]}}' });
    expect(await paths(all)).toEqual({
      included: ['etc /etc/%%', 'bin /usr/bin/%', 'asked /found/%%', 'p /p/%', 'one /one/%', 'other /opt/%%'],
      excluded: ['etc /etc/ssl/%%'],
    });
    expect(all.warnings).toEqual([]);
  });

  it('are asked for again only when the configuration is another one', async () => {
    const one = core({ main: '{"file_paths": {"a": ["/a"]}}' });
    expect((await paths(one)).included).toEqual(['a /a']);
    expect(await one.read()).toBe(await one.read());
    expect(one.state.asked).toEqual(['genConfig']);
    one.state.sources = { main: '{"file_paths": {"b": ["/b"]}}' };
    one.state.hash = '2';
    one.state.valid = '0';
    expect((await paths(one)).included).toEqual(['a /a']);
    one.state.valid = '1';
    expect((await paths(one)).included).toEqual(['b /b']);
  });

  it('come from the backup in the database where there is one', async () => {
    const one = core({}, {}, { 'config_persistence.main': '{"file_paths": {"kept": ["/kept"]}}' });
    expect((await paths(one)).included).toEqual(['kept /kept']);
    expect(one.state.asked).toEqual([]);
  });

  it('are none where there is no configuration yet', async () => {
    const one = core({ main: '{"file_paths": {"a": ["/a"]}}' });
    one.state.valid = '0';
    expect(await one.read()).toEqual({ included: [], excluded: [] });
  });

  it('are the others where one is nonsense', async () => {
    const main =
      '{"file_paths": {"a": "/no list", "b": [1, null, "", "/b"]}, "exclude_paths": [], "packs": 5}';
    const one = core({ main, torn: '{"file_paths": {', last: '{"file_paths": {"c": ["/c"]}}' });
    expect((await paths(one)).included).toEqual(['b /b', 'c /c']);
    expect(one.warnings).toEqual([expect.stringContaining('file_paths of torn cannot be read')]);
  });

  it('are the others where a query fails, which is told', async () => {
    const main =
      '{"file_paths_query": {"x": ["SELECT path FROM broken"]}, "file_paths": {"a": ["/a"]}, "exclude_paths": {"a": ["/a/b"]}}';
    const one = core({ main });
    expect(await paths(one)).toEqual({ included: ['a /a'], excluded: ['a /a/b'] });
    expect(one.warnings).toEqual([expect.stringContaining('file_paths_query of the category x fails')]);
  });

  it('are at most 200,000', async () => {
    const many = Array.from({ length: 200_001 }, (_, i) => `/d/${i}`);
    const one = core({ main: JSON.stringify({ file_paths: { a: many } }) });
    expect((await one.read()).included).toHaveLength(200_000);
    expect(one.warnings).toEqual([expect.stringContaining('200001 patterns')]);
  });
});
