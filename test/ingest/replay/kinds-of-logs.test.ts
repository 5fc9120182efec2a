import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replayLogs } from '../../replay-rows.ts';

/** Small logs, written by hand, each with the rows and counts that are right beside it. */
const directory = new URL('../../../fixtures/logs/', import.meta.url).pathname;
const names = readdirSync(directory)
  .filter(file => file.endsWith('.txt'))
  .map(file => file.slice(0, -'.txt'.length));

test.each(names)('%s', async name => {
  const expected = JSON.parse(readFileSync(`${directory}${name}.json`, 'utf8'));
  const { rows, counters } = await replayLogs([`${directory}${name}.txt`]);
  const shown = (table: 'process_events' | 'user_events') =>
    rows[table]!.map((row, i) => {
      const columns = Object.keys(expected[table][i] ?? {});
      return Object.fromEntries(columns.map(column => [column, row[column] ?? null]));
    });
  const { malformed, incomplete, repeated } = counters;
  expect({
    malformed,
    incomplete,
    repeated,
    process_events: shown('process_events'),
    user_events: shown('user_events'),
  }).toEqual(expected);
});
