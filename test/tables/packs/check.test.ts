import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { unless, whyNotLinux } from '../../unless.ts';
import { busyHour } from './busy-hour.ts';
import { costsOn, faultsOfFiles } from './check.ts';
import { RecordedCore } from './recorded-core.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

describe('the files of the packs', () => {
  test('are what the detections make, as osquery and Fleet read them', () => {
    expect(faultsOfFiles(read)).toEqual([]);
  });

  test.each([
    ['tables/packs/detections.conf', '"interval": 60', '"interval": 61'],
    ['tables/packs/fleet/detections.reports.yml', 'WHERE', 'WHERE 1 AND'],
    ['tables/packs/fleet/file_detections.reports.yml', 'platform', 'plattform'],
  ])('%s with %s as %s has a fault', (path, from, to) => {
    const faults = faultsOfFiles(each => (each === path ? read(each).replace(from, to) : read(each)));
    expect(faults.length).toBeGreaterThan(1);
    for (const fault of faults) expect(fault.startsWith(`${path}: `)).toBe(true);
  });
});

describe('the recorded work', () => {
  test('is repeated with times, serials and processes of its own', () => {
    const twice = busyHour(2).split('\n').slice(0, -1);
    const once = busyHour(1).split('\n').slice(0, -1);
    expect(twice).toHaveLength(2 * once.length);
    const ids = (lines: readonly string[]) => new Set(lines.map(line => /audit\(([^)]*)\)/.exec(line)![1]));
    expect(ids(twice).size).toBe(2 * ids(once).size);
    const starts = (lines: readonly string[]) =>
      lines.flatMap(line => (line.startsWith('1300 ') ? [Number(/ pid=(\d+)/.exec(line)?.[1])] : []));
    const [first, second] = [twice.slice(0, once.length), twice.slice(once.length)].map(
      lines => new Set(starts(lines)),
    );
    expect([...first!].filter(pid => second!.has(pid))).toEqual([]);
  });

  test('costs no query more than a read of each row, and is not reported, but for what is there for the first time', {
    ...unless(whyNotLinux),
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'work-'));
    try {
      const log = join(directory, 'work.log');
      writeFileSync(log, busyHour(1), 'latin1');
      await using recorded = await RecordedCore.start([log]);
      const [row] = (await recorded.core.query('SELECT count(*) AS count FROM process_events')).rows;
      const costs = await costsOn(recorded, 1);
      expect(costs.filter(({ found }) => found > 0).map(({ name, found }) => [name, found])).toEqual([
        ['new_listener', 1],
        ['sudo_first_time', 1],
        ['ssh_login_new_address', 2],
        // The administrator wrote it, and removed it.
        ['scheduled_job_changed', 2],
      ]);
      for (const { name, rows } of costs) expect(rows, name).toBeLessThan(1.5 * Number(row!.count));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
