import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fleetAgentOptions, fleetReports } from '../../../src/build/packs/fleet-yaml.ts';
import { osqueryPack } from '../../../src/build/packs/osquery-pack.ts';
import { parseConfiguration } from '../../../src/core/schedule/configuration.ts';
import type { Detection } from '../../../tables/detections/detection.ts';
import { parseFleetReports } from '../../tables/packs/fleet-schema.ts';

const detection: Detection = {
  name: 'one',
  pack: 'detections',
  description: 'A thing.',
  attack: ['T1059'],
  interval: 60,
  falsePositives: 'None.',
  exclude: "AND path <> 'x'",
  query: { select: ['a', 'b'], from: 't', where: ["a = 'x'", 'b > 1'], groupBy: 'a', having: 'count(*) > 1' },
};

describe('a detection', () => {
  test('as a report of Fleet', () => {
    expect(parseFleetReports(fleetReports([detection]))).toEqual([
      {
        name: 'one',
        description:
          "A thing. ATT&CK T1059. Ordinary causes: None. To exclude one, add a condition such as: AND path <> 'x'",
        query: "SELECT a, b\nFROM t\nWHERE a = 'x'\n  AND b > 1\nGROUP BY a\nHAVING count(*) > 1;",
        interval: 60,
        platform: 'linux',
        logging: 'differential_ignore_removals',
        automations_enabled: true,
        observer_can_run: true,
        discard_data: true,
      },
    ]);
  });

  test('as a query of osquery, which ignores the keys that it does not know', () => {
    const { packs, warnings } = parseConfiguration(new Map([['one.conf', osqueryPack([detection])]]));
    expect(warnings).toEqual([]);
    expect(packs).toMatchObject([
      {
        name: 'one',
        platform: 'linux',
        queries: [
          {
            name: 'one',
            query: "SELECT a, b FROM t WHERE a = 'x' AND b > 1 GROUP BY a HAVING count(*) > 1;",
            interval: 60,
            removed: false,
          },
        ],
      },
    ]);
  });

  test('keeps any text in both', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[^\s][ -~]*$/), (text, condition) => {
        fc.pre(text.isWellFormed());
        const other = { ...detection, description: text, query: { ...detection.query, where: [condition] } };
        const [report] = parse(fleetReports([other]));
        expect(report.description.startsWith(text)).toBe(true);
        expect(report.query).toContain(`WHERE ${condition}\n`);
        const { queries } = JSON.parse(osqueryPack([other]));
        expect(queries.one.description).toBe(text);
        expect(queries.one.query).toContain(` WHERE ${condition} `);
      }),
    );
  });
});

test('what is watched, as agent options', () => {
  expect(parse(fleetAgentOptions({ jobs: ['/etc/cron.d/%%', '/a "b"'] }))).toEqual({
    config: { options: { audit_allow_fim_events: true }, file_paths: { jobs: ['/etc/cron.d/%%', '/a "b"'] } },
  });
});

describe('a file that Fleet would refuse', () => {
  const report = fleetReports([detection]);
  test.each([
    ['an unknown key', report.replace('interval:', 'intervall:'), 'Fleet has no key intervall'],
    [
      'a value of another type',
      report.replace('interval: 60', 'interval: "60"'),
      'unexpected value of interval',
    ],
    ['a way of logging that there is not', report.replace('differential_ignore_removals', 'all'), 'logging'],
    ['no query', report.replace(/ {2}query: [\s\S]*?;\n/, ''), 'expected a query'],
    ['a name twice', report + report, 'a second report has the name one'],
    ['no list', 'reports: []', 'expected a list'],
    ['no YAML', '- name: "x', ''],
  ])('%s', (_what, text, message) => {
    expect(() => parseFleetReports(text)).toThrow(message);
  });
});
