import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventBuffer } from '../../src/events/event-buffer.ts';
import { SpillFile } from '../../src/events/spill-file.ts';
import { batchOf, columns, EVERY_COLUMN, NO_LIMITS, type TestRow } from './event-rows.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spill-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Six megabytes, so that four segments are packed. */
const rows: TestRow[] = Array.from({ length: 60_000 }, (_, i) => ({
  path: `/usr/bin/program-${i % 977}`,
  pid: i,
  note: i % 3 === 0 ? `note ${i}` : undefined,
  time: 1_000 + i,
}));
const fill = (spill?: SpillFile): EventBuffer => {
  const buffer = new EventBuffer(
    columns.map(({ name }) => name),
    NO_LIMITS,
    spill,
  );
  for (let at = 0; at < rows.length; at += 5_000) buffer.append(batchOf(rows.slice(at, at + 5_000), at + 1));
  return buffer;
};
const all = (buffer: EventBuffer, times?: { readonly from: number; readonly to: number }) =>
  decodeRows(buffer.select({ ...buffer.range, times }, EVERY_COLUMN));

describe('rows in a file', () => {
  test('are the same as rows in memory, and the file has no name', () => {
    let opened = 0;
    const spill = new SpillFile(directory, { open: () => opened++, full: () => {} }, 0);
    const buffer = fill(spill);
    expect(opened).toBe(1);
    // With the index, of which 20 bytes are of each row.
    expect(spill.length).toBeGreaterThan(20 * 30_000);
    expect(readdirSync(directory)).toEqual([]);
    const inMemory = fill();
    expect(all(buffer)).toEqual(all(inMemory));
    expect(all(buffer, { from: 5_000, to: 5_009 })).toEqual(all(inMemory, { from: 5_000, to: 5_009 }));
    expect(all(buffer, { from: 5_000, to: 5_009 })).toHaveLength(10);
    spill.close();
  });

  test('stay in memory where no file can be made, which is told once', () => {
    const told: string[] = [];
    const spill = new SpillFile(join(directory, 'none'), { open: () => {}, full: why => told.push(why) }, 0);
    expect(all(fill(spill))).toEqual(all(fill()));
    expect(told).toEqual([expect.stringContaining('ENOENT')]);
  });

  test('are dropped where there is room for fewer', () => {
    const spill = new SpillFile(directory, { open: () => {}, full: () => {} }, 0);
    const buffer = fill(spill);
    buffer.setLimits({ rows: 100, bytes: 1e12 });
    expect(all(buffer)).toEqual(all(fill()).slice(-100));
    expect(buffer.counters.evicted).toBe(59_900);
    spill.close();
  });
});
