import { crc32 } from 'node:zlib';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { encodeFrame, FRAME_HEADER_BYTES, scanFrames } from '../../../src/events/persistence/frame.ts';
import { encodePackedFrame, encodeRowFrame } from '../../../src/events/persistence/row-frame.ts';
import { RowLogReader } from '../../../src/events/persistence/row-log.ts';
import type { StoredBatch } from '../../../src/events/row-batch.ts';
import { ownersOf } from '../../../src/events/row-owner.ts';
import { batchOf, columns, newBuffer, packedOf } from '../../events/event-rows.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';

const NAMES = columns.map(({ name }) => name);
const OTHER_NAMES = ['path', 'gone', 'time', 'eid'];

/** Gives every frame the checksum of what stands in it, so that mutation gets behind it. */
const repair = (bytes: Buffer): void => {
  for (let at = 0; bytes.length - at >= FRAME_HEADER_BYTES; ) {
    const end = Math.min(at + FRAME_HEADER_BYTES + (bytes.readUInt32LE(at) & 0x3ff), bytes.length);
    bytes.writeUInt32LE(end - at - FRAME_HEADER_BYTES, at);
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, end)), at + 4);
    at = end;
  }
};

const header = (firstEid: number, names: readonly string[], version = 2): Uint8Array[] =>
  encodeFrame(1, [Buffer.from(JSON.stringify({ version, firstEid, columns: names }))]);
const someRows = (firstEid: number, count: number): StoredBatch =>
  batchOf(
    Array.from({ length: count }, (_, i) => ({
      path: '/bin/x',
      pid: i,
      ...(i === 1 ? {} : { note: 'n' }),
      time: 100,
    })),
    firstEid,
  );
const rows = (firstEid: number, count: number): Uint8Array[] =>
  encodeFrame(2, encodeRowFrame(someRows(firstEid, count)));
const packed = (firstEid: number, count: number): Uint8Array[] =>
  encodeFrame(4, encodePackedFrame(packedOf(someRows(firstEid, count))));
const late = (values: unknown): Uint8Array[] =>
  encodeFrame(3, [Buffer.from(JSON.stringify({ names: ['note'], values }))]);
const seed = (mode: number, ...frames: readonly Uint8Array[][]): Buffer =>
  Buffer.concat([Buffer.from([mode]), ...frames.flat()]);

/**
 * The rows of a table as they stand on disk; the first byte says whether their checksums are right whatever they are.
 * What is read of it fits its columns and can be asked for, and every byte is read or counted as lost.
 */
export const segment: FuzzTarget = {
  name: 'segment',
  maxBytes: 1_200,
  seeds: () => [
    seed(0, header(1, NAMES), rows(1, 2), late([[2, ['x']]]), rows(3, 1)),
    seed(
      1,
      header(1, NAMES),
      rows(1, 3),
      late([
        [1, [null]],
        [3, ['later']],
      ]),
    ),
    seed(1, header(7, OTHER_NAMES), rows(7, 1)),
    seed(1, header(1, NAMES), rows(5, 1), rows(6, 1), rows(2, 1)),
    seed(1, header(1, NAMES, 1), rows(1, 1)),
    seed(1, header(1, NAMES, 3), rows(1, 1)),
    seed(0, header(1, NAMES), packed(1, 3), rows(4, 1)),
    seed(1, header(1, NAMES), packed(1, 2), packed(3, 2)),
  ],
  words: [
    Uint8Array.of(2, 0, 0, 0),
    Uint8Array.of(3, 0, 0, 0),
    Uint8Array.of(1, 0, 0, 0),
    // Packed rows, and the beginning of what is packed.
    Uint8Array.of(4, 0, 0, 0),
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
    Uint8Array.of(0x0b, 0x0b, 0, 0, 0, 1),
    Uint8Array.of(0, 0, 0, 4),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0xf0, 0x7f),
    'path',
    'note',
    '"columns":["path"]',
    '"firstEid":',
    '"version":2',
    '9007199254740991',
    'null',
  ],
  run(input) {
    const bytes = input.subarray(1);
    if (((input[0] ?? 0) & 1) === 1) repair(bytes);
    const { frames, length } = scanFrames(bytes);
    check(length <= bytes.length, 'frames lie in the file');
    const inFrames = frames.reduce((sum, { payload }) => sum + FRAME_HEADER_BYTES + payload.length, 0);
    checkEqual(inFrames, length, 'bytes of frames');

    const batches: StoredBatch[] = [];
    const reader = new RowLogReader(NAMES, batch => batches.push(batch));
    const read = reader.read(bytes);
    check(read.length === length && Number.isSafeInteger(read.firstEid), 'a file and its first row');
    const { late: values, lostBytes } = reader.found();
    check(lostBytes >= bytes.length - length && lostBytes <= bytes.length, `${lostBytes} bytes lost`);
    const first = batches[0]?.firstEid ?? reader.nextEid;
    const buffer = newBuffer({ rows: 50, bytes: 4_096 });
    const saved = { from: first, nextEid: reader.nextEid, readUpTo: first, gone: [] };
    buffer.restore(take => {
      for (const batch of batches) take({ ...batch, owners: ownersOf(batch, NAMES) });
    }, saved);
    const { from, to } = buffer.range;
    const mask = { low: 0xffffffff, high: 0xffffffff };
    const encoded = buffer.select({ from, to }, mask);
    const decoded = decodeRows(encoded);
    check(decoded.length <= 50, 'rows within their limit');
    for (const row of decoded)
      check(
        Object.keys(row).every(name => (NAMES as string[]).includes(name)),
        'columns',
      );
    let eid = first;
    for (const batch of batches) {
      check(batch.firstEid >= eid, 'number of the first row of a batch');
      eid = batch.firstEid + batch.ends.length;
      checkEqual(batch.ends.at(-1), batch.bytes.length, 'bytes of a batch');
    }
    checkEqual(eid, reader.nextEid, 'number of the next row');
    for (const { names, values: entries } of values) {
      check(
        names.every(name => typeof name === 'string'),
        'names of late values',
      );
      check(
        entries.every(([number]) => Number.isSafeInteger(number)),
        'numbers of late values',
      );
    }
  },
};
