import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { EventPipeline, type PipelineCounters } from '../../src/ingest/event-pipeline.ts';
import { REPLAY_CHUNK_BYTES } from '../../src/ingest/replay/file-bytes.ts';
import type { LogsReading } from '../../src/ingest/replay/read-logs.ts';
import { replayInto } from '../../src/ingest/replay-into.ts';
import { TrailFramer } from '../../src/openbsm/framer.ts';
import { eventTables } from '../../tables/index.ts';
import { openFilesIn } from '../open-files.ts';
import { replayRows } from '../replay-rows.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-into-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const fixture = (name: string): string => new URL(`../../fixtures/openbsm/${name}`, import.meta.url).pathname;
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};
const trails = (name: string, contents: readonly (string | Uint8Array)[]): string => {
  const path = join(directory, name);
  mkdirSync(path);
  for (const [day, content] of contents.entries())
    writeFileSync(join(path, `202405${10 + day}000000.202405${10 + day}235959`), content);
  return path;
};

interface Replayed extends LogsReading {
  readonly counters: PipelineCounters;
  readonly raw: readonly string[];
  readonly batches: number;
}

const newPipeline = (): EventPipeline =>
  new EventPipeline({
    tables: eventTables,
    settings: readAuditSettings(new Map()).settings,
    context: { uptimeAt: () => undefined, imageTimes: () => undefined },
    kindOfTask: () => 'gone',
    now: () => 0,
  });

const replay = async (path: string): Promise<Replayed> => {
  const pipeline = newPipeline();
  const raw: string[] = [];
  let batches = 0;
  const result = await replayInto(pipeline, [path], {
    onBatch: () => {
      batches++;
    },
    onRaw: text => raw.push(text),
  });
  return { ...result, counters: pipeline.counters(), raw, batches };
};

describe('a log', () => {
  test('tells its malformed lines by number', async () => {
    const log = file('damaged.log', '# recorded\ntype=SYSCALL msg=audit(garbage\n1300 audit(1\n');
    const { malformed, problems } = await replay(log);
    expect(malformed).toBe(2);
    expect(problems.join('\n')).toMatch(/^".*damaged.log": 2 malformed lines, the first at line 2: [^\n]+$/);
  });

  test('that is empty says so', async () => {
    expect(await replay(file('empty.log', ''))).toMatchObject({
      malformed: 0,
      problems: [`"${join(directory, 'empty.log')}": it is empty`],
    });
  });
});

describe('a trail', () => {
  test('that is whole is no problem', async () => {
    const { problems, counters, raw } = await replay(fixture('processes.trail'));
    expect(problems).toEqual([]);
    expect(counters).toMatchObject({ records: 22, malformedRecords: 0, events: 21 });
    expect(raw.map(text => `${text}\n`).join('')).toBe(readFileSync(fixture('processes.txt'), 'utf8'));
  });

  test('tells its damage by offset, in one line, and keeps what stands around it', async () => {
    const { malformed, problems, counters } = await replay(fixture('damaged.trail'));
    expect(malformed).toBe(0);
    expect(problems.join()).toContain(
      '11 damaged places, the first at offset 0: 6 bytes skipped: byte 0xde begins neither a header (0x14, 0x15, 0x74, 0x79) nor a file token (0x11)',
    );
    // 11 damaged places, and 2 records that hold a token nobody knows.
    expect(counters).toMatchObject({ records: 15, malformedRecords: 13, events: 13, unusable: 1 });
  });

  test('that is cut off keeps what came before', async () => {
    const whole = readFileSync(fixture('users.trail'));
    const { problems, counters } = await replay(file('cut', whole.subarray(0, -1)));
    expect(problems.join()).toMatch(
      /damage at offset \d+: \d+ bytes skipped: the trail ends inside a record/,
    );
    expect(counters).toMatchObject({ records: 32, events: 32 });
  });

  test('is taken in pieces, so that a long one does not gather in memory', async () => {
    const one = readFileSync(fixture('users.trail'));
    const { batches, counters } = await replay(file('long', Buffer.concat(Array<Buffer>(800).fill(one))));
    expect(counters.events).toBe(26_400);
    expect(batches).toBeGreaterThanOrEqual(Math.floor((800 * one.length) / REPLAY_CHUNK_BYTES));
  });
});

describe('a directory of trails', () => {
  const processes = readFileSync(fixture('processes.trail'));
  const ends = new TrailFramer().push(processes).map(({ offset }) => offset);
  /** Where a record stands within its trail is part of its id. */
  const withoutIds = async (path: string) =>
    JSON.parse(JSON.stringify(await replayRows(path), (key, value) => (key === 'audit_id' ? '' : value)));

  test('makes the rows of one trail, wherever it was cut in two', async () => {
    const expected = await withoutIds(fixture('processes.trail'));
    expect(expected.process_events.filter((row: { parent: string }) => row.parent !== '-1')).not.toEqual([]);
    expect(ends.length).toBe(22);
    for (const end of ends) {
      const cut = trails(`cut-${end}`, [processes.subarray(0, end), processes.subarray(end)]);
      expect(await withoutIds(cut), `cut at ${end}`).toEqual(expected);
    }
  });

  test('names the file of the first damage', async () => {
    const { problems } = await replay(
      trails('damaged', [processes, Buffer.concat([processes, Uint8Array.of(1, 2)]), 'no trail']),
    );
    expect(problems.find(problem => problem.includes('20240511000000.20240511235959'))).toContain(
      `damage at offset ${processes.length}: 2 bytes skipped: byte 0x01 begins neither a header (0x14, 0x15, 0x74, 0x79) nor a file token (0x11)`,
    );
  });

  test('with an empty trail says so and goes on', async () => {
    const { problems, counters } = await replay(trails('with-empty', ['', processes]));
    expect(problems.join()).toContain(
      '20240510000000.20240510235959": damage at offset 0: empty: an audit trail begins with a record',
    );
    expect(counters.events).toBe(21);
  });

  test('with a trail that cannot be read fails with its name', async () => {
    const path = trails('unreadable', [processes]);
    const bad = join(path, '20240601000000.20240601000001');
    mkdirSync(bad);
    await expect(replay(path)).rejects.toThrow(`replay file "${bad}" cannot be read: it is a directory`);
    expect(openFilesIn(directory)).toEqual([]);
  });
});

test('what a pipeline does not take leaves no file open', async () => {
  const log = file('taken.log', 'type=SYSCALL msg=audit(1.000:1): a=b\n'.repeat(10_000));
  for (const path of [
    log,
    fixture('processes.trail'),
    trails('taken', [readFileSync(fixture('users.trail'))]),
  ]) {
    const pipeline = newPipeline();
    const onBatch = (): never => {
      throw new Error('enough');
    };
    await expect(replayInto(pipeline, [path], { onBatch, onRaw: undefined })).rejects.toThrow('enough');
  }
  expect(openFilesIn(directory)).toEqual([]);
  expect(openFilesIn(fixture('').slice(0, -1))).toEqual([]);
});
