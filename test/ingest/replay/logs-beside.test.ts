import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REPLAY_CHUNK_BYTES } from '../../../src/ingest/replay/file-bytes.ts';
import { recordTypeNumbers } from '../../../src/ingest/replay/record-types.ts';
import { replayInto } from '../../../src/ingest/replay-into.ts';
import { chainedExecRecords, connectRecords, type RecordText } from '../../bench/records.ts';
import { everyTablePipeline } from '../../fuzz/every-table-pipeline.ts';
import { replayLogs } from '../../replay-rows.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'logs-beside-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const fixtures = new URL('../../../fixtures/', import.meta.url).pathname;
const names = new Map<number, string>(Object.entries(recordTypeNumbers).map(([name, type]) => [type, name]));
const lineOf = ({ type, payload }: RecordText): string => `type=${names.get(type)} msg=${payload}`;
const NEVER = Number.POSITIVE_INFINITY;

/** What one thread and what two make of the same files. */
const bothWays = async (paths: readonly string[]) => ({
  here: await replayLogs(paths, undefined, { besideFrom: NEVER }),
  beside: await replayLogs(paths, undefined, { besideFrom: 0 }),
});

/**
 * A log of several chunks: events that follow each other, some that lie inside of others, and one of which the last record
 * comes at the end of it all.
 */
const writeLarge = (path: string, events: number): void => {
  const second = (index: number): number => 1_767_225_600 + Math.floor(index / 1_000);
  const [first, ...rest] = chainedExecRecords(0, second(0)).map(lineOf);
  const lines = [first!];
  for (let i = 1; i < events; i++) {
    const exec = chainedExecRecords(i, second(i)).map(lineOf);
    if (i % 7 !== 0) {
      lines.push(...exec);
      continue;
    }
    const within = connectRecords(events + i, second(i)).map(lineOf);
    exec.splice(3, 0, ...within);
    lines.push(...exec);
  }
  lines.push(...rest);
  writeFileSync(path, `${lines.join('\n')}\n`);
};

test('the rows, their order and their numbers, and what is counted, are those of one thread', async () => {
  const logs = readdirSync(fixtures).filter(file => file.endsWith('.log'));
  const damaged = readdirSync(`${fixtures}logs/`).filter(
    file => file.endsWith('.txt') && !/last-line/.test(file),
  );
  const paths = [...logs.map(name => fixtures + name), ...damaged.map(name => `${fixtures}logs/${name}`)];
  const { here, beside } = await bothWays(paths);
  expect(beside).toEqual(here);
  expect(here.rows.process_events!.length).toBeGreaterThan(50);
});

test('an event is whole and there once wherever its records are', async () => {
  const path = join(directory, 'large.log');
  const events = 4_000;
  writeLarge(path, events);
  expect(statSync(path).size).toBeGreaterThan(3 * REPLAY_CHUNK_BYTES);
  const { here, beside } = await bothWays([path]);
  expect(beside).toEqual(here);
  expect(beside.counters).toMatchObject({ repeated: 0, malformed: 0, incomplete: 0, unterminated: 0 });
  const pids = beside.rows.process_events!.map(({ pid }) => Number(pid));
  expect(new Set(pids).size).toBe(events);
  // The first one ends last.
  expect(pids).toEqual([...Array.from({ length: events - 1 }, (_, i) => 1_001 + i), 1_000]);

  appendFileSync(path, readFileSync(path));
  const twice = await replayLogs([path], undefined, { besideFrom: 0 });
  expect(twice.rows).toEqual(beside.rows);
  expect(twice.counters.repeated).toBeGreaterThan(events);
});

test('packed logs, and more than one, are one stream', async () => {
  const whole = join(directory, 'whole.log');
  writeLarge(whole, 300);
  const bytes = readFileSync(whole);
  const parts = [join(directory, 'audit.log.1.gz'), join(directory, 'audit.log')];
  const cut = bytes.length >>> 1;
  writeFileSync(parts[0]!, gzipSync(bytes.subarray(0, cut)));
  writeFileSync(parts[1]!, bytes.subarray(cut));
  const { here, beside } = await bothWays(parts);
  expect(beside).toEqual(here);
});

test('reading stops when it is told to, and what was read until then is there', async () => {
  const path = join(directory, 'stopped.log');
  writeLarge(path, 8_000);
  const pipeline = everyTablePipeline();
  const stop = new AbortController();
  const { problems } = await replayInto(pipeline, [path], {
    onBatch: () => stop.abort(),
    onRaw: undefined,
    signal: stop.signal,
    besideFrom: 0,
  });
  const told = /^one file: reading was stopped after ([\d.]+) MB of ([\d.]+) MB, and the rest was not read$/;
  const [, read, size] = told.exec(problems.join('\n'))!.map(Number);
  expect(read).toBeLessThan(size!);
  const { events } = pipeline.counters();
  expect(events).toBeGreaterThan(0);
  expect(events).toBeLessThan(8_000);
});

test('a file that is gone meanwhile is told by its name, and what came before stays', async () => {
  const [first, second] = ['first.log', 'second.log'].map(name => join(directory, name));
  // More than the other thread may be ahead.
  writeLarge(first!, 8_000);
  writeLarge(second!, 50);
  const pipeline = everyTablePipeline();
  const reading = replayInto(pipeline, [first!, second!], {
    onBatch: () => rmSync(second!, { force: true }),
    onRaw: undefined,
    besideFrom: 0,
  });
  await expect(reading).rejects.toThrow(/^replay file ".*second.log" cannot be read: no such file$/);
  expect(pipeline.counters().events).toBeGreaterThan(7_000);
});
