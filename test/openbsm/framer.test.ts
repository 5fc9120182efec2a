import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, TrailFramer } from '../../src/openbsm/framer.ts';
import { DEFAULT_BSM_LIMITS } from '../../src/openbsm/limits.ts';
import { encodeRecord, encodeToken } from '../../src/openbsm/record.ts';
import { arbitraryHeader, arbitraryPieces, arbitraryTokens } from './arbitrary.ts';
import { record, SAMPLE_TOKENS, subject32, succeeded, text } from './sample-tokens.ts';

const frame = (chunks: readonly Uint8Array[], limits = DEFAULT_BSM_LIMITS): Frame[] => {
  const framer = new TrailFramer(limits);
  return [...chunks.flatMap(chunk => framer.push(chunk)), ...framer.end()];
};
const concat = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const one = record(6152, [subject32(), succeeded()]);
const file = encodeToken(SAMPLE_TOKENS.file);

const arbitraryRecord = fc
  .tuple(arbitraryHeader, arbitraryTokens)
  .map(([header, tokens]) => encodeRecord(header, tokens));

describe('TrailFramer', () => {
  it('finds records and file tokens wherever the reads split them', () => {
    const parts = fc.array(
      fc.oneof({ arbitrary: arbitraryRecord, weight: 4 }, { arbitrary: fc.constant(file), weight: 1 }),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(
        parts.chain(frames => fc.tuple(fc.constant(frames), arbitraryPieces(concat(...frames)))),
        ([frames, pieces]) => {
          expect(
            frame(pieces).map(found => found.kind !== 'damage' && Buffer.from(found.bytes).toString('hex')),
          ).toEqual(frames.map(bytes => Buffer.from(bytes).toString('hex')));
        },
      ),
    );
  });

  it('gives offsets from the start of the trail', () => {
    const garbage = Uint8Array.of(1, 2, 3);
    expect(frame([concat(one, garbage, one, file)]).map(({ kind, offset }) => [kind, offset])).toEqual([
      ['record', 0],
      ['damage', one.length],
      ['record', one.length + 3],
      ['file', 2 * one.length + 3],
    ]);
  });

  it('returns a record as soon as its last byte is there', () => {
    const framer = new TrailFramer();
    expect(framer.push(one.subarray(0, -1))).toEqual([]);
    expect(framer.push(one.subarray(-1))).toEqual([{ kind: 'record', offset: 0, bytes: one }]);
    expect(framer.pending).toBe(0);
    expect(framer.end()).toEqual([]);
  });

  it('loses no record to garbage before, between and behind them', () => {
    // Garbage that begins as a file token does may be one, whose name goes on in the record behind it.
    const garbage = fc.uint8Array({ maxLength: 40 }).filter(([first]) => first !== 0x11);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(garbage, arbitraryRecord), { minLength: 1, maxLength: 5 }),
        garbage,
        (pairs, rest) => {
          const records = frame([concat(...pairs.flat(), rest)]).filter(({ kind }) => kind === 'record');
          expect(records).toHaveLength(pairs.length);
        },
      ),
    );
  });

  it('loses nothing but the record that is damaged', () => {
    const records = [0, 1, 2, 3].map(seconds =>
      record(6152, [subject32({ pid: seconds }), text('t'), succeeded()], seconds),
    );
    const whole = concat(...records);
    for (let at = 0; at < whole.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const bytes = Uint8Array.from(whole);
        bytes[at]! ^= change;
        const hit = Math.floor(at / records[0]!.length);
        const found = frame([bytes]).flatMap(item => (item.kind === 'record' ? [item.offset] : []));
        const others = [0, 1, 2, 3].filter(i => i !== hit).map(i => i * records[0]!.length);
        expect(found).toEqual(expect.arrayContaining(others));
      }
    }
  });

  it('accounts for every byte of anything', () => {
    const bits = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(
        one,
        file,
        one.subarray(0, 30),
        Uint8Array.of(0x14, 0, 0, 0),
        Uint8Array.of(0x11, 0, 0, 0),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(bits, { maxLength: 8 }).chain(parts => {
          const whole = concat(...parts);
          return fc.tuple(fc.constant(whole), arbitraryPieces(whole));
        }),
        ([whole, pieces]) => {
          const frames = frame(pieces);
          let offset = 0;
          for (const item of frames) {
            expect(item.offset).toBe(offset);
            offset += item.kind === 'damage' ? item.length : item.bytes.length;
          }
          expect(offset).toBe(whole.length);
          // However it was split, what was found is the same.
          expect(frames).toEqual(frame([whole]));
        },
      ),
    );
  });

  it.each([
    [
      'shorter than a header and a trailer',
      [0, 0, 0, 24],
      'record length 24, but the shortest possible is 25',
    ],
    [
      'of 4 GiB',
      [0xff, 0xff, 0xff, 0xff],
      'record length 4294967295, but the limit is 4194304 bytes (maxRecordBytes)',
    ],
    ['one less than there is', [0, 0, 0, one.length - 1], 'no matching trailer'],
    ['that leads into the next record', [0, 0, 0, one.length + 7], 'no matching trailer'],
    ['that leads beyond the end', [0, 0x3f, 0, 0], 'ends inside a record of 4128768 bytes'],
  ])('does not believe a length %s', (_, length, reason) => {
    const lying = Uint8Array.from(one);
    lying.set(length, 1);
    const frames = frame([concat(one, lying, one)]);
    expect(frames.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['record', 0],
      ['damage', one.length],
      ['record', 2 * one.length],
    ]);
    expect(frames[1]).toMatchObject({ reason: expect.stringContaining(reason) });
  });

  it('says how much is missing of a trail that was cut off', () => {
    expect(frame([one, one.subarray(0, 20)]).at(-1)).toEqual({
      kind: 'damage',
      offset: one.length,
      length: 20,
      reason: `the trail ends inside a record of ${one.length} bytes: ${one.length - 20} are missing`,
    });
    expect(frame([one.subarray(0, 3)])).toMatchObject([{ reason: 'the trail ends inside a header' }]);
    expect(frame([file.subarray(0, 5)])).toMatchObject([{ reason: 'the trail ends inside a file token' }]);
    expect(frame([file.subarray(0, -1)])).toMatchObject([
      { reason: expect.stringContaining('1 are missing') },
    ]);
  });

  it('takes a file token only where one can stand, with a name that ends in its only NUL', () => {
    const lying = Uint8Array.from(file);
    lying[10]! += 1;
    expect(frame([concat(lying, one)]).map(({ kind }) => kind)).toEqual(['damage', 'record']);
    const nameless = file.slice(0, 11).fill(0, 9);
    expect(frame([concat(nameless, one)]).map(({ kind }) => kind)).toEqual(['damage', 'record']);
    // Among damaged bytes it cannot be told from chance.
    expect(frame([concat(Uint8Array.of(0), file, one)])).toMatchObject([
      { kind: 'damage', length: 1 + file.length },
      { kind: 'record' },
    ]);
  });

  it('holds no more than a record, however much it is given', () => {
    const limits = { ...DEFAULT_BSM_LIMITS, maxRecordBytes: 1000 };
    const framer = new TrailFramer(limits);
    const lying = Uint8Array.of(0x14, 0, 0, 3, 0xe8, 11);
    for (let i = 0; i < 5000; i++) {
      framer.push(lying);
      expect(framer.pending).toBeLessThanOrEqual(limits.maxRecordBytes);
    }
    expect(framer.push(one)).toEqual([]);
    expect(framer.end().filter(({ kind }) => kind === 'record')).toHaveLength(1);
  });

  it('shares no memory with what it was given', () => {
    const chunk = Uint8Array.from(one);
    const [found] = new TrailFramer().push(chunk);
    chunk.fill(0);
    expect(found).toEqual({ kind: 'record', offset: 0, bytes: one });
  });
});
