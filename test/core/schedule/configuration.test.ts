import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CoreDatabase } from '../../../src/core/database.ts';
import {
  type Configuration,
  ConfigurationError,
  parseConfiguration,
} from '../../../src/core/schedule/configuration.ts';
import {
  buildSchedule,
  isVersionAtLeast,
  matchesPlatform,
  splay,
} from '../../../src/core/schedule/schedule.ts';

const parse = (text: string | object, packs: Record<string, string> = {}): Configuration =>
  parseConfiguration(
    new Map([['/etc/osquery.conf', typeof text === 'string' ? text : JSON.stringify(text)]]),
    {
      files: {
        read: path => {
          const found = packs[path];
          if (found === undefined) throw new Error(`no such file: ${path}`);
          return found;
        },
        glob: () => Object.keys(packs),
      },
    },
  );

const Q = { query: 'SELECT 1', interval: 10 };

describe('parseConfiguration', () => {
  test('reads options, the schedule and packs from every place', () => {
    const configuration = parse(
      {
        options: { events_max: 7, verbose: true, custom_audit_x: { a: 1 }, none: null },
        schedule: {
          one: { ...Q, removed: false },
          snap: { query: 'SELECT 2', interval: '20', snapshot: 'true' },
        },
        packs: {
          inner: { platform: 'linux', queries: { two: Q }, discovery: ['SELECT 1', 5] },
          file: '/packs/file.conf',
          '*': '/packs/*',
        },
      },
      { '/packs/file.conf': '# comment\n{"queries": {"three": {"query": "SELECT 3"}}}\n// more' },
    );
    expect(configuration.warnings).toEqual([]);
    expect([...configuration.options]).toEqual([
      ['events_max', '7'],
      ['verbose', 'true'],
      ['custom_audit_x', '{"a":1}'],
    ]);
    expect(configuration.packs.map(({ name, queries }) => [name, queries.map(query => query.name)])).toEqual([
      ['main', ['one', 'snap']],
      ['inner', ['two']],
      ['file', ['three']],
    ]);
    expect(configuration.packs[0]!.queries).toMatchObject([
      { interval: 10, snapshot: false, removed: false },
      { interval: 20, snapshot: true, removed: true },
    ]);
    expect(configuration.packs[1]).toMatchObject({ platform: 'linux', discovery: ['SELECT 1'] });
    expect(configuration.packs[2]!.queries[0]!.interval).toBe(3600);
  });

  test('takes a file that is a pack for one, under its own name', () => {
    const { packs } = parseConfiguration(
      new Map([['/x/my_pack.conf', JSON.stringify({ queries: { q: Q } })]]),
    );
    expect(packs.map(({ name }) => name)).toEqual(['my_pack']);
  });

  test.each([
    [{ q: 1 }, 'contains an invalid query: q'],
    [{ 'query.x': Q }, 'reserved prefixes'],
    [{ mycounter: Q }, 'reserved suffixes'],
    [{ q: { interval: 1 } }, 'No query string defined for query q'],
    [{ q: { query: 'SELECT 1', interval: 0 } }, 'Query has invalid interval: q: 0'],
    [{ q: { query: 'SELECT 1', interval: 604801 } }, 'Query has invalid interval'],
    [{ q: { query: 'SELECT 1', interval: 'soon' } }, 'Query has invalid interval'],
  ])('leaves out %j and says why', (schedule, warning) => {
    const { packs, warnings } = parse({ schedule: { ...schedule, good: Q } });
    expect(packs[0]!.queries.map(({ name }) => name)).toEqual(['good']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(warning);
  });

  test('a pack that cannot be read costs that pack alone', () => {
    const { packs, warnings } = parse(
      { packs: { gone: '/nowhere', broken: '/b', odd: 5, good: { queries: { q: Q } } } },
      { '/b': '{' },
    );
    expect(packs.map(({ name }) => name)).toEqual(['good']);
    expect(warnings.map(line => line.slice(0, 40))).toEqual([
      'Error reading the query pack named: gone',
      'Error reading the query pack named: brok',
      'Error parsing pack: odd: the value shoul',
    ]);
  });

  test('never throws anything but its own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), text => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigurationError);
        }
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (options, schedule, packs) => {
        expect(parse({ options, schedule, packs }).packs).toBeInstanceOf(Array);
      }),
    );
  });
});

describe('buildSchedule', () => {
  const build = (text: object, more: Partial<Parameters<typeof buildSchedule>[0]> = {}) =>
    buildSchedule({
      configuration: parse(text),
      database: new CoreDatabase(),
      host: { platform: 'linux', hostname: 'here' },
      packDelimiter: '_',
      splayPercent: 10,
      ...more,
    });

  test("names a pack's queries with the pack", () => {
    const schedule = build({ schedule: { a: Q }, packs: { p: { queries: { b: Q } } } });
    expect(schedule.map(({ name }) => name)).toEqual(['a', 'pack_p_b']);
    expect(build({ packs: { p: { queries: { b: Q } } } }, { packDelimiter: '/' })[0]!.name).toBe('pack/p/b');
  });

  test('leaves out what is for other platforms and later versions', () => {
    const schedule = build({
      packs: {
        mac: { platform: 'darwin', queries: { a: Q } },
        later: { version: '99.0.0', queries: { b: Q } },
        mixed: {
          queries: { c: { ...Q, platform: 'windows' }, d: { ...Q, platform: 'posix', version: '5.0.0' } },
        },
      },
    });
    expect(schedule.map(({ name }) => name)).toEqual(['pack_mixed_d']);
  });

  test('moves intervals and remembers where to', () => {
    const database = new CoreDatabase();
    const long = { schedule: { a: { query: 'SELECT 1', interval: 1000 } } };
    expect(build(long, { database, random: () => 0 })[0]!.splayedInterval).toBe(900);
    expect(build(long, { database, random: () => 0.999 })[0]!.splayedInterval).toBe(900);
    expect(
      build({ schedule: { a: { query: 'SELECT 1', interval: 500 } } }, { database, random: () => 0.999 })[0],
    ).toMatchObject({
      interval: 500,
      splayedInterval: 550,
    });
    expect(build(long, { everySeconds: 2 })[0]).toMatchObject({ interval: 2, splayedInterval: 2 });
  });

  test('splay stays within its percentage', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 604_800 }),
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        (interval, percent, random) => {
          const moved = splay(interval, percent, random);
          expect(moved).toBeGreaterThanOrEqual(1);
          expect(Math.abs(moved - interval)).toBeLessThanOrEqual((interval * percent) / 100);
        },
      ),
    );
    expect(splay(100, 0, 0.5)).toBe(100);
  });
});

test.each<[string, NodeJS.Platform, boolean]>([
  ['', 'linux', true],
  ['any', 'darwin', true],
  ['linux,darwin', 'linux', true],
  ['ubuntu', 'linux', true],
  ['posix', 'darwin', true],
  ['darwin', 'linux', false],
  ['windows', 'linux', false],
])('platform %j on %s: %s', (restriction, platform, expected) => {
  expect(matchesPlatform(restriction, platform)).toBe(expected);
});

test.each([
  ['', true],
  ['5.23.0', true],
  ['5.9', true],
  ['5.23.1', false],
  ['6', false],
  ['0.0.0', true],
])('version %j: %s', (required, expected) => {
  expect(isVersionAtLeast(required, '5.23.0')).toBe(expected);
});
