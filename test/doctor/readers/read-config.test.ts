import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/doctor/readers/read-config.ts';
import { type FakeFile, fakeRoot } from '../fake-root.ts';

const PATH = '/etc/osquery/osquery.conf';
const read = (files: Readonly<Record<string, FakeFile>>) =>
  readConfig({ root: fakeRoot(files), path: PATH, platform: 'linux' });
const names = (config: ReturnType<typeof read>) =>
  config.kind === 'read' ? config.queries.map(({ name }) => name) : config.kind;

test('options, schedule and packs; comments; the default interval', () => {
  expect(
    read({
      [PATH]: `// first
        {"options": {"events_max": 5, "utc": true, "x": "y"},
        # second
        "schedule": {"a": {"query": "SELECT 1", "interval": 10}, "b": {"query": "SELECT 2", "interval": "20"},
          "c": {"query": "SELECT \\
3"}, "off": {"query": "SELECT 4", "interval": 0}, "text": 5, "none": {"interval": 5}},
        "packs": {"p": {"queries": {"q": {"query": "SELECT 5", "interval": 7}}}}}`,
    }),
  ).toEqual({
    kind: 'read',
    path: PATH,
    options: new Map([
      ['events_max', '5'],
      ['utc', 'true'],
      ['x', 'y'],
    ]),
    queries: [
      { name: 'a', sql: 'SELECT 1', interval: 10, denylisted: false },
      { name: 'b', sql: 'SELECT 2', interval: 20, denylisted: false },
      { name: 'c', sql: 'SELECT 3', interval: 3600, denylisted: false },
      { name: 'pack_p_q', sql: 'SELECT 5', interval: 7, denylisted: false },
    ],
    filePaths: 0,
    problems: [],
  });
});

test('packs in files, in many files, and files beside the configuration', () => {
  const pack = (name: string) => `{"queries": {"${name}": {"query": "SELECT 1", "interval": 5}}}`;
  expect(
    names(
      read({
        [PATH]: '{"packs": {"one": "/etc/osquery/packs/one.conf", "*": "/opt/packs/*"}}',
        '/etc/osquery/packs/one.conf': pack('a'),
        '/opt/packs/x.conf': pack('b'),
        '/opt/packs/y.conf': pack('c'),
        [`${PATH}.d/20.conf`]: '{"schedule": {"late": {"query": "SELECT 1"}}}',
        [`${PATH}.d/10.conf`]: '{"schedule": {"early": {"query": "SELECT 1"}}}',
        [`${PATH}.d/10.bak`]: '{"schedule": {"never": {"query": "SELECT 1"}}}',
      }),
    ),
  ).toEqual(['early', 'late', 'pack_one_a', 'pack_x_b', 'pack_y_c']);
});

test('queries and packs for other platforms are left out', () => {
  const query = (platform?: string) => ({
    query: 'SELECT 1',
    interval: 5,
    ...(platform === undefined ? {} : { platform }),
  });
  const schedule = {
    a: query(),
    b: query('linux'),
    c: query('darwin, posix'),
    d: query('windows'),
    e: query(''),
  };
  const packs = {
    w: { platform: 'windows', queries: { f: query() } },
    all: { platform: 'all', queries: { g: query() } },
  };
  expect(names(read({ [PATH]: JSON.stringify({ schedule, packs }) }))).toEqual([
    'a',
    'b',
    'c',
    'e',
    'pack_all_g',
  ]);
});

test('what cannot be used is named, and the rest is read', () => {
  const config = read({
    [PATH]:
      '{"schedule": {"a": {"query": "SELECT 1"}}, "packs": {"x": "/none.conf", "y": "/bad.conf", "z": "/list.conf", "d": "/dir"}}',
    '/bad.conf': '{',
    '/list.conf': '[]',
    '/dir': { directory: true },
  });
  expect(names(config)).toEqual(['a']);
  expect(config).toMatchObject({
    problems: [
      '/none.conf does not exist',
      expect.stringContaining('/bad.conf, line 1, is not JSON: '),
      '/list.conf is not a JSON object',
      '/dir: it is a directory',
    ],
  });
});

test('no configuration, a directory in its place, and one that is no JSON', () => {
  expect(read({})).toEqual({ kind: 'missing', path: PATH });
  expect(read({ [PATH]: { directory: true } })).toMatchObject({
    kind: 'unreadable',
    why: 'it is a directory',
  });
  expect(read({ [PATH]: 'no' })).toMatchObject({
    kind: 'read',
    queries: [],
    problems: [expect.stringContaining('not JSON')],
  });
});

test('the configuration that this project ships reads all three tables', () => {
  const root = fakeRoot({});
  const packs = new URL('../../../tables/packs/', import.meta.url).pathname;
  mkdirSync(dirname(join(root, PATH)), { recursive: true });
  cpSync(`${packs}osquery.conf`, join(root, PATH));
  cpSync(packs, join(root, '/etc/osquery/packs'), { recursive: true });
  const config = readConfig({ root, path: PATH, platform: 'linux' });
  expect(config).toMatchObject({ kind: 'read', problems: [] });
  for (const table of ['process_events', 'socket_events', 'user_events']) {
    expect(config.kind === 'read' && config.queries.some(({ sql }) => sql.includes(table))).toBe(true);
  }
});

test('no JSON breaks it', () => {
  fc.assert(
    fc.property(
      fc.record(
        { options: fc.jsonValue(), schedule: fc.jsonValue(), packs: fc.jsonValue() },
        { requiredKeys: [] },
      ),
      config => {
        // A pack named by a random text would be looked for on this host.
        const text = JSON.stringify({ ...config, packs: { p: config.packs ?? null } });
        expect(read({ [PATH]: text }).kind).toBe('read');
      },
    ),
    { numRuns: 50 },
  );
});

test('patterns and queries of watched files are counted, those of packs too', () => {
  const config = read({
    [PATH]: `{"file_paths": {"a": ["/etc/%%", "/x"], "b": "no list"}, "file_paths_query": {"c": ["SELECT 1"]},
      "packs": {"p": {"file_paths": {"d": ["/y"]}}, "windows": {"platform": "windows", "file_paths": {"e": ["/z"]}}}}`,
  });
  expect(config).toMatchObject({ filePaths: 4, problems: [] });
});
