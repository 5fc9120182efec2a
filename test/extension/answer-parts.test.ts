import type { PluginRow } from 'osquery-extension-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedCore } from '../../src/core/embedded-core.ts';
import { storedColumns } from '../../src/events/encoded-row.ts';
import { eidText, RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { EventStore } from '../../src/extension/event-store.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { column, FakeTable, startCore, startExtension, type TestCore } from '../core/support.ts';
import { spec } from '../events/event-rows.ts';

const ROWS = 4_000;
/** So that there are several segments of a megabyte, and a part has to end in the middle. */
const NOTE = 'n'.repeat(1_500);
const PART_BYTES = 1_500_000;
/** What the embedded core asks with for a part. */
const PART_OF_REQUEST = 'part_from';

const store = new EventStore([spec], readAuditSettings(new Map([['events_max', '100000']])).settings, {
  ageless: true,
});
const writer = new RowBatchWriter(storedColumns(spec.columns));
for (let i = 0; i < ROWS; i++) {
  const time = 1_000 + i;
  writer.append({ path: `/bin/${i % 7}`, pid: i, note: i % 3 === 0 ? undefined : NOTE, time }, time);
}
store.append([{ table: spec.name, batch: writer.take()! }]);

/** Table `plain_events` does not know of parts, as one of any other extension. */
const plain = new FakeTable(
  'plain_events',
  [column('a', 'TEXT'), { id: 'attributes', attributes: '4' }],
  () => Array.from({ length: 10 }, (_, i) => ({ a: String(i) })),
);

let asked = 0;
const inParts = async (partBytes: number | undefined): Promise<TestCore> => {
  const started = await startCore({}, partBytes === undefined ? {} : { partBytes });
  const view = { execution: async () => undefined, saved: async () => {}, readers: () => [] };
  const plugins = store.plugins(
    () => [spec],
    view,
    { upToDate: () => void asked++, completed: () => undefined },
    () => undefined,
  );
  await startExtension(started.core, [...plugins, plain]);
  return started;
};

const values = async (core: EmbeddedCore, sql: string): Promise<readonly PluginRow[]> =>
  (await core.query(sql)).rows;

describe('answers in parts', () => {
  let whole: TestCore;
  let parted: TestCore;
  beforeAll(async () => {
    whole = await inParts(undefined);
    parted = await inParts(PART_BYTES);
  });
  afterAll(async () => {
    await whole[Symbol.asyncDispose]();
    await parted[Symbol.asyncDispose]();
  });

  const same = async (sql: string): Promise<readonly PluginRow[]> => {
    const rows = await values(parted.core, sql);
    expect(rows).toEqual(await values(whole.core, sql));
    return rows;
  };

  it('hold each row once, in order, and take more than one request', async () => {
    asked = 0;
    const rows = await values(parted.core, 'SELECT * , eid FROM test_events');
    expect(rows.map(({ eid }) => eid)).toEqual(Array.from({ length: ROWS }, (_, i) => eidText(i + 1)));
    expect(asked).toBeGreaterThan(2);
    await same('SELECT *, eid FROM test_events');
  });

  it.each([
    ['SELECT count(*) AS n FROM test_events', 1],
    ["SELECT pid FROM test_events WHERE path = '/bin/3'", 571],
    ["SELECT pid, note FROM test_events WHERE path LIKE '%n/3'", 571],
    ["SELECT pid, note FROM test_events WHERE path = '/bin/1' OR pid > 3000 OR note IS NULL", 2_286],
    ['SELECT pid, note FROM test_events WHERE time >= 2000 AND time < 2100', 100],
    ['SELECT note, pid FROM test_events LIMIT 3500', 3_500],
    ['SELECT note, pid FROM test_events ORDER BY pid DESC LIMIT 5 OFFSET 3900', 5],
    [
      'SELECT a.pid, b.note FROM (SELECT pid FROM test_events LIMIT 9) a JOIN test_events b ON b.pid = a.pid + 3900',
      9,
    ],
    ['SELECT pid FROM test_events WHERE pid = -1', 0],
    ['SELECT path, count(note) AS n FROM test_events GROUP BY path', 7],
  ])('%s: the rows of one whole answer', async (sql, count) => {
    expect(await same(sql)).toHaveLength(count);
  });

  it('are asked of tables of events alone, and one that does not know them is read whole', async () => {
    expect(await same('SELECT a FROM plain_events')).toHaveLength(10);
    expect(plain.requests.filter(request => PART_OF_REQUEST in request)).toHaveLength(1);
    expect(plain.requests.filter(request => !(PART_OF_REQUEST in request))).toHaveLength(1);
  });

  it('end with an interrupt', async () => {
    const sql = 'SELECT count(*) FROM test_events a, test_events b WHERE a.note || b.note LIKE "%x%"';
    const abort = new AbortController();
    const run = parted.core.query(sql, abort.signal);
    setImmediate(() => abort.abort());
    await expect(run).rejects.toThrow('interrupted');
  });
});
