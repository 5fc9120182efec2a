import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTime } from '../../../src/ingest/replay/replay-times.ts';
import { seekTime } from '../../../src/ingest/replay/seek-time.ts';
import { replayLogs } from '../../replay-rows.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'times-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a time', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  test.each([
    ['1700000000', 1_700_000_000],
    ['2026-11-30T13:00:05Z', Date.parse('2026-11-30T13:00:05Z') / 1000],
    ['2026-11-30 13:00+01:00', Date.parse('2026-11-30T12:00:00Z') / 1000],
    ['2026-11-30', new Date(2026, 10, 30).getTime() / 1000],
    ['2h', now / 1000 - 7_200],
    ['3d', now / 1000 - 259_200],
    ['yesterday', undefined],
    ['2026-13-45', undefined],
    ['12', undefined],
    ['', undefined],
  ])('%s is %j', (text, expected) => expect(parseTime(text, now)).toBe(expected));
});

const FIRST = 1_700_000_000;
const message = (seconds: number, serial: number): string =>
  `type=USER_END msg=audit(${seconds}.000:${serial}): pid=1 uid=0 auid=0 ses=1 msg='op=x exe="/bin/x" res=success'\n`;

describe('of a large log', () => {
  const SECONDS = 40_000;
  let path: string;
  beforeAll(() => {
    path = join(directory, 'large.log');
    writeFileSync(path, Array.from({ length: SECONDS }, (_, i) => message(FIRST + i, i)).join(''));
  });

  test('no record of a time that is wanted stands before the place that is sought', () => {
    const { size } = statSync(path);
    const line = message(FIRST, 10_000).length;
    fc.assert(
      fc.property(fc.integer({ min: -100, max: SECONDS + 100 }), second => {
        const offset = seekTime(path, size, FIRST + second);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThanOrEqual(Math.max(0, second) * line);
      }),
      { numRuns: 50 },
    );
    expect(seekTime(path, size, FIRST + SECONDS / 2)).toBeGreaterThan(size / 4);
  });

  test('just the events of the time asked for are there', async () => {
    const times = { from: FIRST + 30_000, to: FIRST + 30_009 };
    const { rows } = await replayLogs([path], undefined, { times });
    expect(rows.user_events!.map(({ time }) => Number(time) - FIRST)).toEqual(
      Array.from({ length: 10 }, (_, i) => 30_000 + i),
    );
  });
});

test('a log that is not in order is read from its beginning', () => {
  const path = join(directory, 'unordered.log');
  const seconds = Array.from({ length: 40_000 }, (_, i) => FIRST + ((i * 7_919) % 40_000));
  writeFileSync(path, seconds.map((second, i) => message(second, i)).join(''));
  for (const second of [100, 20_000, 39_000])
    expect(seekTime(path, statSync(path).size, FIRST + second)).toBe(0);
});
