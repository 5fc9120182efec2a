import { type Frame, TrailFramer } from '../../../src/openbsm/framer.ts';
import { TRAILER_BYTES, TRAILER_ID, TRAILER_MAGIC } from '../../../src/openbsm/header.ts';
import { RecordMapper } from '../../../src/openbsm/map-record.ts';
import { printRecord } from '../../../src/openbsm/praudit.ts';
import { decodeRecord, encodeRecord } from '../../../src/openbsm/record.ts';
import { allRows } from '../all-rows.ts';
import { everyTablePipeline } from '../every-table-pipeline.ts';
import { recordedTrails } from '../seeds.ts';
import { check, checkEqual, type FuzzTarget, refusals, show } from '../target.ts';

const HEADER_IDS = [0x14, 0x15, 0x74, 0x79];
const LIMITS = { maxRecordBytes: 4_096, maxTokens: 50, maxStrings: 500, maxProcesses: 4 };

const pipeline = everyTablePipeline();

/** Makes header and trailer of the first record agree, so that mutation gets behind the framer. */
const repair = (input: Buffer): void => {
  if (input.length < 5 + TRAILER_BYTES) return;
  if (!HEADER_IDS.includes(input[0]!)) input[0] = HEADER_IDS[input[0]! % HEADER_IDS.length]!;
  input.writeUInt32BE(input.length, 1);
  const trailer = input.length - TRAILER_BYTES;
  input[trailer] = TRAILER_ID;
  input.writeUInt16BE(TRAILER_MAGIC, trailer + 1);
  input.writeUInt32BE(input.length, trailer + 3);
};

const cut = (pieces: readonly Uint8Array[]): Frame[] => {
  const framer = new TrailFramer(LIMITS);
  const frames = pieces.flatMap(piece => framer.push(piece));
  return [...frames, ...framer.end()];
};

/**
 * A BSM trail; the first byte says whether it is taken as it is or as one record. Every byte belongs to one frame, however
 * the trail is split; what is decoded can be encoded and decodes to the same; its rows are text; and what is printed of
 * it has one line per token.
 */
export const bsm: FuzzTarget = {
  name: 'bsm',
  maxBytes: 1_000,
  seeds: () => {
    const records = recordedTrails().flatMap(trail =>
      cut([trail]).flatMap(frame => (frame.kind === 'record' ? [frame.bytes] : [])),
    );
    const seeds = records.map(bytes => Buffer.concat([Buffer.from([1]), bytes.subarray(0, 900)]));
    return [
      ...seeds,
      ...recordedTrails().map(trail => Buffer.concat([Buffer.from([0]), trail.subarray(0, 900)])),
    ];
  },
  words: [
    ...HEADER_IDS.map(id => Uint8Array.of(id)),
    '\x13\xb1\x05',
    ...[
      0x11, 0x21, 0x22, 0x23, 0x24, 0x27, 0x2d, 0x2e, 0x3c, 0x3d, 0x3e, 0x52, 0x60, 0x71, 0x72, 0x75, 0x7a,
      0x7b, 0x7c, 0x80, 0x81, 0x82,
    ].map(id => Uint8Array.of(id)),
    Uint8Array.of(0, 0, 0, 4),
    Uint8Array.of(0, 0, 0, 16),
    Uint8Array.of(0, 0, 0, 0),
    '\x1b[2J\n',
  ].map(word => (typeof word === 'string' ? Buffer.from(word, 'latin1') : word)),
  run(input) {
    const mode = input[0] ?? 0;
    const trail = input.subarray(1);
    if ((mode & 1) === 1) repair(trail);
    const frames = cut([trail]);
    let offset = 0;
    for (const frame of frames) {
      checkEqual(frame.offset, offset, 'offset of a frame');
      offset += frame.kind === 'damage' ? frame.length : frame.bytes.length;
    }
    checkEqual(offset, trail.length, 'bytes in frames');
    const step = 1 + (mode >> 1);
    const pieces: Buffer[] = [];
    for (let at = 0; at < trail.length; at += step) pieces.push(trail.subarray(at, at + step));
    checkEqual(shape(cut(pieces)), shape(frames), 'frames of the trail in pieces');

    const mapper = new RecordMapper(LIMITS);
    let number = 0;
    for (const frame of frames) {
      if (frame.kind !== 'record') continue;
      const record = decodeRecord(frame.bytes, frame.offset, LIMITS);
      check(record.damage === undefined || record.damage.offset <= trail.length, 'damage lies in the trail');
      if (record.kind === 'undecodable') continue;
      check(record.tokens.length <= LIMITS.maxTokens, 'tokens of a record');
      const again = refusals(RangeError, () => encodeRecord(record.header, record.tokens));
      if (record.damage === undefined && again !== undefined) {
        const second = decodeRecord(again, 0, { ...LIMITS, maxTokens: LIMITS.maxTokens + 1 });
        check(second.kind === 'record', 'what was encoded decodes');
        if (second.kind === 'record' && second.damage === undefined) {
          checkEqual(show(second.tokens), show(record.tokens), 'tokens encoded and decoded');
        }
      }
      const printed = printRecord(record);
      checkEqual(printed.split('\n').length, record.tokens.length + 3, 'lines printed of a record');
      check(!/[\0-\x09\x0b-\x1f\x7f-\x9f]/.test(printed), 'no control characters are printed');
      const event = mapper.map(record, ++number);
      if (event !== undefined) pipeline.publish(event);
    }
    check(pipeline.counters().unencodable === 0, 'every event has its row');
    for (const { values } of allRows(pipeline.take())) {
      check(
        Object.values(values).every(value => !value.includes('\0')),
        'no NUL in a value',
      );
    }
  },
};

const shape = (frames: readonly Frame[]): string =>
  frames
    .map(
      frame => `${frame.kind} ${frame.offset} ${frame.kind === 'damage' ? frame.length : frame.bytes.length}`,
    )
    .join('\n');
