import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/events/persistence/frame.ts';
import { encodePackedFrame } from '../../../src/events/persistence/row-frame.ts';
import { RowLog, RowLogReader } from '../../../src/events/persistence/row-log.ts';
import type { StoredBatch } from '../../../src/events/row-batch.ts';
import { batchOf, columns, packedOf } from '../event-rows.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const NAMES = columns.map(({ name }) => name);

/** Some rows from a number on. */
const rows = (firstEid: number, count: number, path = '/bin/true'): StoredBatch =>
  batchOf(
    Array.from({ length: count }, (_, i) => ({ path, pid: firstEid + i, time: 100 + i })),
    firstEid,
  );
const pids = ({ batches }: { readonly batches: readonly StoredBatch[] }): number[] =>
  batches.flatMap(({ bytes, ends }) =>
    decodeRows({ count: ends.length, chunks: [Buffer.from(bytes)] }).map(({ pid }) => Number(pid)),
  );
/** Nothing is written when a log is closed: to its files it is as if the process had been killed. */
const opened: RowLog[] = [];
const open = (directory: string, names: readonly string[], firstFile?: number) => {
  const batches: StoredBatch[] = [];
  const { log, found } = RowLog.open(directory, names, batch => batches.push(batch), firstFile);
  opened.push(log);
  return { log, found: { ...found, batches } };
};
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

const files = (directory: string): string[] => readdirSync(directory).sort();

describe('RowLog', () => {
  it('has what was written, after a process that just stopped', async () => {
    using directory = temporaryDirectory();
    const { log, found } = open(directory.path, NAMES);
    expect(found).toEqual({ batches: [], late: [], lostBytes: 0 });
    await log.write([rows(1, 2), rows(3, 1)], undefined);
    await log.write([], { names: ['note'], values: [[2, ['later']]] });
    const again = open(directory.path, NAMES);
    expect(pids(again.found)).toEqual([1, 2, 3]);
    expect(again.found).toMatchObject({
      late: [{ names: ['note'], values: [[2, ['later']]] }],
      lostBytes: 0,
    });
    // And goes on in the same file.
    await again.log.write([rows(4, 1)], undefined);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2, 3, 4]);
    expect(files(directory.path)).toHaveLength(1);
    expect(statSync(join(directory.path, files(directory.path)[0]!)).mode & 0o777).toBe(0o600);
  });

  it('cuts off a write that was not finished, at any byte, and counts it', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 2)], undefined);
    const path = join(directory.path, files(directory.path)[0]!);
    const whole = statSync(path).size;
    await log.write([rows(3, 2)], undefined);
    const all = readFileSync(path);
    for (let length = whole; length < all.length; length++) {
      writeFileSync(path, all.subarray(0, length));
      const cut = open(directory.path, NAMES);
      expect(pids(cut.found)).toEqual([1, 2]);
      expect(cut.found.lostBytes).toBe(length - whole);
    }
    const { log: next } = open(directory.path, NAMES);
    await next.write([rows(3, 1)], undefined);
    const { found } = open(directory.path, NAMES);
    expect(pids(found)).toEqual([1, 2, 3]);
    expect(found.lostBytes).toBe(0);
  });

  it('begins new files, and deletes those whose rows are gone', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    const long = 'x'.repeat(1_500_000);
    for (let eid = 1; eid <= 9; eid++) await log.write([rows(eid, 1, long)], undefined);
    expect(files(directory.path)).toHaveLength(3);
    await log.dropBelow(4);
    expect(files(directory.path)).toHaveLength(2);
    const { found } = open(directory.path, NAMES);
    expect(pids(found)).toEqual([4, 5, 6, 7, 8, 9]);
    await log.dropBelow(100);
    // The newest has the number that comes next.
    expect(files(directory.path)).toHaveLength(1);
  });

  it('has what stands before a hole, too: what is missing had been dropped', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 3), rows(8, 2)], undefined);
    await log.write([rows(10, 1)], undefined);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2, 3, 8, 9, 10]);
  });

  it('keeps rows of another version, under the columns of this one', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 2)], undefined);
    const upgraded = open(directory.path, ['pid', 'eid', 'added']);
    expect(pids(upgraded.found)).toEqual([1, 2]);
    expect(upgraded.found.lostBytes).toBe(0);
    // What is written now is not what that file says.
    await upgraded.log.write([], { names: ['added'], values: [[1, ['v']]] });
    expect(files(directory.path)).toHaveLength(2);
    await upgraded.log.dropBelow(3);
    expect(pids(open(directory.path, NAMES).found)).toEqual([]);
  });

  it('survives files that are not its own', async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, '000000000001.rows'), 'no frames at all');
    writeFileSync(join(directory.path, '000000000002.rows'), '');
    writeFileSync(join(directory.path, 'other'), 'x');
    const { log, found } = open(directory.path, NAMES);
    expect(found).toEqual({ batches: [], late: [], lostBytes: 16 });
    await log.write([rows(1, 1)], undefined);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1]);
    // One that grew beyond all measure is not even read.
    truncateSync(join(directory.path, '000000000001.rows'), 4e9);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1]);
  });

  it('gives the rows again that the disk did not take', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 1)], undefined);
    const path = join(directory.path, files(directory.path)[0]!);
    appendFileSync(path, 'half a frame');
    await log.write([rows(2, 1)], undefined);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2]);
  });

  it('has packed rows as well, among others', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([packedOf(rows(1, 2)), rows(3, 1), packedOf(rows(4, 2))], undefined);
    const { found } = open(directory.path, NAMES);
    expect(pids(found)).toEqual([1, 2, 3, 4, 5]);
    expect(found.lostBytes).toBe(0);
    expect(pids(open(directory.path, ['pid', 'eid', 'added']).found)).toEqual([1, 2, 3, 4, 5]);
  });

  it('counts packed rows as what they come to, so that a file has as many rows as if they were not', async () => {
    using directory = temporaryDirectory();
    const long = 'x'.repeat(1_500_000);
    for (let eid = 1; eid <= 9; eid++) {
      // Each time after a process that just stopped.
      const { log } = open(directory.path, NAMES);
      await log.write([packedOf(rows(eid, 1, long))], undefined);
    }
    expect(files(directory.path)).toHaveLength(3);
    const { log, found } = open(directory.path, NAMES);
    expect(pids(found)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await log.dropBelow(4);
    expect(pids(open(directory.path, NAMES).found)).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it('reads what version 1 wrote, and leaves its file', async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, '000000000001.rows'), Buffer.from(VERSION_1, 'base64'));
    const { log, found } = open(directory.path, NAMES);
    expect(pids(found)).toEqual([1, 2]);
    expect(found).toMatchObject({ late: [{ names: ['note'], values: [[2, ['later']]] }], lostBytes: 0 });
    await log.write([packedOf(rows(3, 1))], undefined);
    expect(files(directory.path)).toEqual(['000000000001.rows', '000000000002.rows']);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2, 3]);
  });

  it('is written anew, and what was before does not count from then on', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 5)], { names: ['note'], values: [[2, ['gone']]] });
    const firstFile = await log.rewrite(
      [rows(2, 1), rows(5, 1)],
      [{ names: ['note'], values: [[5, ['kept']]] }],
    );
    // A process that is killed now has all of it, and nothing twice.
    const killed = open(directory.path, NAMES).found;
    expect(pids(killed)).toEqual([1, 2, 3, 4, 5]);
    expect(killed.lostBytes).toBe(0);
    await log.write([rows(6, 1)], undefined);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2, 3, 4, 5, 6]);
    const { found, log: next } = open(directory.path, NAMES, firstFile);
    expect(pids(found)).toEqual([2, 5, 6]);
    expect(found).toMatchObject({ late: [{ values: [[5, ['kept']]] }], lostBytes: 0 });
    expect(files(directory.path)).toEqual(['000000000002.rows']);
    await next.write([rows(7, 1)], undefined);
    expect(pids(open(directory.path, NAMES, firstFile).found)).toEqual([2, 5, 6, 7]);
  });

  it('keeps what a process that was killed while it rewrote has left, but none of it twice', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    await log.write([rows(1, 5)], undefined);
    await log.rewrite([rows(3, 1)], []);
    const { log: next } = open(directory.path, NAMES);
    await next.write([rows(6, 1)], undefined);
    // The rows from 4 on are in the first file only.
    await next.dropBelow(4);
    expect(pids(open(directory.path, NAMES).found)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is worth rewriting when most of it is not worth keeping', async () => {
    using directory = temporaryDirectory();
    const { log } = open(directory.path, NAMES);
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let eid = 1; eid <= 40; eid++) await log.write([rows(eid, 1, megabyte)], undefined);
    expect(log.isWasteful(20 * megabyte.length)).toBe(false);
    expect(log.isWasteful(2 * megabyte.length)).toBe(true);
    const firstFile = await log.rewrite([rows(40, 1, megabyte)], []);
    await log.dropBefore(firstFile);
    expect(log.isWasteful(0)).toBe(false);
    expect(files(directory.path)).toHaveLength(1);
  });

  it('unpacks no more of a file than it could have written', () => {
    const header = { version: 2, firstEid: 1, columns: NAMES };
    const file = [...encodeFrame(1, [Buffer.from(JSON.stringify(header))])];
    // Each says of itself that it is as long as one may be.
    const liar = encodePackedFrame({ ...packedOf(rows(1, 1)), length: 64 * 1024 * 1024 });
    for (let i = 0; i < 3; i++) file.push(...encodeFrame(4, liar));
    file.push(...encodeFrame(4, encodePackedFrame(packedOf(rows(1, 1)))));
    const batches: StoredBatch[] = [];
    const reader = new RowLogReader(NAMES, batch => batches.push(batch));
    expect(reader.read(Buffer.concat(file))).toMatchObject({ firstEid: 1, isCurrent: true });
    const lost = 3 * Buffer.concat(liar).length;
    expect(batches).toEqual([]);
    expect(reader.found().lostBytes).toBeGreaterThan(lost);
  });
});

/** A file of version 1: two rows and the late value of one. */
const VERSION_1 =
  'RwAAAIo1x2oBAAAAeyJ2ZXJzaW9uIjoxLCJmaXJzdEVpZCI6MSwiY29sdW1ucyI6WyJwYXRoIiwicGlkIiwibm90ZSIsInRpbWUiLCJlaWQiXX3KAAAARIdyRgIAAAAAAAAAAADwPwIAAAAAAAAAAABZQAAAAAAAQFlASwAAAJYAAAAbAAAAAAAAABsAAAAAAAAACwsAAAAEAAAABHBhdGgAAAAJL2Jpbi90cnVlAAAAA3BpZAAAAAExAAAABHRpbWUAAAADMTAwAAAAA2VpZAAAAAowMDAwMDAwMDAxCwsAAAAEAAAABHBhdGgAAAAJL2Jpbi90cnVlAAAAA3BpZAAAAAEyAAAABHRpbWUAAAADMTAxAAAAA2VpZAAAAAowMDAwMDAwMDAyKwAAAGtKzOIDAAAAeyJuYW1lcyI6WyJub3RlIl0sInZhbHVlcyI6W1syLFsibGF0ZXIiXV1dfQ==';
