import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTrailCounters, formatProblem, type TrailCounters } from '../../src/openbsm/counters.ts';
import { DEFAULT_BSM_LIMITS } from '../../src/openbsm/limits.ts';
import { RecordMapper } from '../../src/openbsm/map-record.ts';
import { readRecords, type TrailItem } from '../../src/openbsm/read-records.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';
import { encodeToken } from '../../src/openbsm/record.ts';
import { arbitraryPieces } from './arbitrary.ts';
import { argument, path, record, SAMPLE_TOKENS, subject32, succeeded } from './sample-tokens.ts';

const one = record(6152, [subject32(), succeeded()]);
const concat = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

const read = async (chunks: readonly Uint8Array[], limits = DEFAULT_BSM_LIMITS) => {
  const counters = createTrailCounters();
  const items: TrailItem[] = [];
  const problems: string[] = [];
  const options = {
    limits,
    onProblem: (problem: Parameters<typeof formatProblem>[0]) => problems.push(formatProblem(problem)),
  };
  for await (const item of readRecords(chunks, counters, options)) items.push(item);
  return { counters, items, problems };
};

describe('readRecords', () => {
  it('numbers the records of a trail and leaves bare file tokens without a number', async () => {
    const { items, counters } = await read([
      concat(encodeToken(SAMPLE_TOKENS.file), one, encodeToken(SAMPLE_TOKENS.file), one),
    ]);
    expect(items.map(item => (item.kind === 'record' ? item.number : item.token.name))).toEqual([
      SAMPLE_TOKENS.file.name,
      1,
      SAMPLE_TOKENS.file.name,
      2,
    ]);
    expect(counters).toEqual({
      records: 2,
      events: 0,
      unusable: 0,
      unknownTokens: 0,
      malformed: 0,
      skippedBytes: 0,
    } satisfies TrailCounters);
  });

  it('says of nothing that it is empty', async () => {
    expect(await read([])).toMatchObject({
      items: [],
      problems: ['offset 0: empty: an audit trail begins with a record'],
    });
  });

  it('says of text that it is no trail, in one line', async () => {
    const log = Buffer.from(
      'type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=59\n'.repeat(10_000),
    );
    const { counters, problems } = await read([log]);
    expect(problems).toEqual([
      `offset 0: ${log.length} bytes skipped: record length 2037409085, but the limit is 4194304 bytes (maxRecordBytes)`,
    ]);
    expect(counters).toMatchObject({ records: 0, malformed: 1, skippedBytes: log.length });
  });

  it('counts a token that it does not know and reads on behind its record', async () => {
    const unknown = record(6152, [subject32(), { kind: 'unknown', id: 0xee, bytes: Uint8Array.of(1) }]);
    const { counters, items, problems } = await read([concat(one, unknown, one)]);
    expect(items).toHaveLength(3);
    expect(problems).toEqual([]);
    expect(counters).toMatchObject({ records: 3, unknownTokens: 1, malformed: 0 });
  });

  it('never throws and always accounts for every byte', async () => {
    const parts = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(one), fc.constant(one.subarray(0, 50))),
      {
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        parts.chain(found => {
          const whole = concat(...found);
          return fc.tuple(fc.constant(whole), arbitraryPieces(whole));
        }),
        async ([whole, pieces]) => {
          const { counters, items, problems } = await read(pieces);
          const records = items
            .map(item => (item.kind === 'record' ? item.length : 0))
            .reduce((a, b) => a + b, 0);
          const files = items.filter(({ kind }) => kind === 'file').length;
          expect(files > 0 || counters.skippedBytes + records === whole.length).toBe(true);
          expect(problems.length).toBe(whole.length === 0 ? 1 : counters.malformed);
        },
      ),
    );
  });

  it('passes on what the source throws', async () => {
    const broken = (async function* () {
      yield one;
      throw new Error('disk gone');
    })();
    const items: TrailItem[] = [];
    await expect(async () => {
      for await (const item of readRecords(broken, createTrailCounters())) items.push(item);
    }).rejects.toThrow('disk gone');
    expect(items).toHaveLength(1);
  });

  it('holds to the limits it is given', async () => {
    const { problems } = await read([one], { ...DEFAULT_BSM_LIMITS, maxRecordBytes: one.length - 1 });
    expect(problems).toEqual([
      `offset 0: ${one.length} bytes skipped: record length ${one.length}, but the limit is ${one.length - 1} bytes (maxRecordBytes)`,
    ]);
  });
});

describe('readTrail', () => {
  const fork = record(2, [argument(0, 'child PID', 20), subject32({ pid: 10 }), succeeded(20)]);
  const exec = record(23, [path('/bin/x'), subject32({ pid: 20 }), succeeded()]);

  it('knows the processes of the trails before, through the mapper they share', async () => {
    const parents = async (mapper: RecordMapper): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (const trail of [fork, exec]) {
        for await (const event of readTrail([trail], createTrailCounters(), { mapper })) {
          found.push(event.kind === 'process' && event.parent);
        }
      }
      return found;
    };
    expect(await parents(new RecordMapper())).toEqual([10, 10]);
    const counters = createTrailCounters();
    for await (const event of readTrail([exec], counters)) expect(event).toMatchObject({ parent: undefined });
    expect(counters).toMatchObject({ records: 1, events: 1 });
  });
});
