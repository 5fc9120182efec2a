import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { BSM_EVENTS } from '../../src/openbsm/bsm-events.ts';
import { createTrailCounters } from '../../src/openbsm/counters.ts';
import { HEADERS } from '../../src/openbsm/header.ts';
import { looksLikeTrail } from '../../src/openbsm/looks-like-trail.ts';
import { readRecords, type TrailItem } from '../../src/openbsm/read-records.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';
import { TOKENS } from '../../src/openbsm/token-table.ts';
import { expectationText, printedText, rowsText } from './fixture-expectation.ts';
import { FIXTURE_TRAILS } from './fixture-trails.ts';

const directory = new URL('../../fixtures/openbsm/', import.meta.url);
const readTrailFixture = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`${name}.trail`, directory)));
const readText = (file: string): string => readFileSync(new URL(file, directory), 'utf8');

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

const names = Object.keys(FIXTURE_TRAILS);

describe('fixtures/openbsm', () => {
  it('has a trail, its events, rows and print for every name, and nothing else', () => {
    expect(readdirSync(directory).sort()).toEqual(
      names.flatMap(name => [`${name}.json`, `${name}.rows.json`, `${name}.trail`, `${name}.txt`]).sort(),
    );
  });

  it('has a record of every event that is known, with every kind of token and header', async () => {
    const trails = names.filter(name => name !== 'damaged').map(readTrailFixture);
    const items = await collect(readRecords(trails, createTrailCounters()));
    const records = items.filter(item => item.kind === 'record');
    const events = new Set(records.map(({ header }) => header.event));
    const kinds = new Set<string>(
      records.flatMap(({ header, tokens }) => [header, ...tokens].map(t => t.kind)),
    );
    expect([...BSM_EVENTS.keys()].filter(event => !events.has(event))).toEqual([]);
    expect([...TOKENS, ...HEADERS].map(({ kind }) => kind).filter(kind => !kinds.has(kind))).toEqual([]);
  });

  it.each(names)('%s is what the encoder writes', name => {
    expect(Buffer.from(FIXTURE_TRAILS[name]!()).equals(readTrailFixture(name))).toBe(true);
  });

  it.each(names)('%s gives its events, counters and problems', async name => {
    expect(await expectationText(readTrailFixture(name))).toBe(readText(`${name}.json`));
  });

  it.each(names)('%s makes the rows beside it', async name => {
    expect(await rowsText(new URL(`${name}.trail`, directory))).toBe(readText(`${name}.rows.json`));
  });

  it.each(names)('%s prints as praudit -r does', async name => {
    expect(await printedText(readTrailFixture(name))).toBe(readText(`${name}.txt`));
  });

  it.each(names)('%s is told from text by its content', name => {
    expect(looksLikeTrail(readTrailFixture(name))).toBe(true);
  });

  it.each(names)('%s cut off at any byte keeps what stands before the cut', async name => {
    const whole = readTrailFixture(name);
    const events = await collect(readTrail([whole]));
    const items = await collect(readRecords([whole], createTrailCounters()));
    for (let length = 0; length < whole.length; length++) {
      const counters = createTrailCounters();
      const found: AuditEvent[] = await collect(readTrail([whole.subarray(0, length)], counters));
      const before = items.filter(item => item.offset + itemLength(item) <= length);
      const lastRecord = before.findLast(item => item.kind === 'record')?.number ?? 0;
      const expected = {
        events: events.filter(({ serial }) => serial <= lastRecord).length,
        last: events[found.length - 1],
        bytes: length,
      };
      const kept = {
        events: found.length,
        last: found.at(-1),
        bytes: counters.skippedBytes + undecodableBytes(whole, length) + sum(before.map(itemLength)),
      };
      // An expectation at each byte would take longer than the reading.
      if (!isDeepStrictEqual(kept, expected)) expect(kept, `cut at ${length}`).toEqual(expected);
    }
  });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);

const itemLength = (item: TrailItem): number =>
  item.kind === 'record' ? item.length : 11 + Buffer.byteLength(item.token.name) + 1;

/** The one record of damaged.trail whose header cannot be decoded is a record, but none that is returned. */
const undecodableBytes = (whole: Uint8Array, length: number): number => {
  const at = Buffer.from(whole).indexOf(Uint8Array.of(0x15, 0, 0, 0, 33, 11, 0x18, 0x08, 0, 0, 0, 0, 0, 9));
  return at >= 0 && at + 33 <= length ? 33 : 0;
};
