import { readFileSync } from 'node:fs';
import type { PluginRow } from 'osquery-extension-ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeTable } from '../../src/core/native-table.ts';
import { column, FakeTable, startCore, startExtension } from './support.ts';

/**
 * Statements, contexts, rows and warnings as an osqueryd 5.23 with an extension of three tables gave them. The
 * tables' definitions follow from the contexts: the order of columns from `colsUsedBitset` and from where LIMIT
 * lands, the options from which constraints arrive and from `pragma table_info`.
 */
const RECORDING = new URL('./osqueryd-5.23-contexts.txt', import.meta.url);

interface Recorded {
  readonly sql: string;
  readonly contexts: readonly { readonly table: string; readonly context: unknown }[];
  readonly rows: readonly unknown[];
  readonly warnings: readonly string[];
  readonly error: string | undefined;
}

const sorted = (context: unknown): unknown => {
  const { colsUsed, ...rest } = context as { colsUsed: string[] };
  // The order is that of a hash set.
  return { ...rest, colsUsed: [...colsUsed].sort() };
};

const readRecording = (): Recorded[] =>
  readFileSync(RECORDING, 'utf8')
    .split(/^### /m)
    .slice(1)
    .map(block => {
      const [sql = '', ...lines] = block.split('\n');
      return {
        sql,
        contexts: lines.flatMap(line => {
          const [, table, context] = /^(\w+) \{"action": "generate", "context": "(.*)"\}$/.exec(line) ?? [];
          return table === undefined ? [] : [{ table, context: sorted(JSON.parse(context!)) }];
        }),
        rows: lines.flatMap(line => {
          const [, row] = /^ {2}(\{.*\}),?$/.exec(line) ?? [];
          return row === undefined ? [] : [JSON.parse(row) as unknown];
        }),
        warnings: lines.flatMap(line => {
          const [, warning] = /^W\d{4} .*?\] (Table .*)$/.exec(line) ?? [];
          return warning === undefined ? [] : [warning];
        }),
        error: lines.find(line => line.startsWith('Error: '))?.slice('Error: '.length),
      };
    });

const EVENT_BASED: PluginRow = { id: 'attributes', attributes: '4' };

const fakeTables = (): FakeTable[] => [
  new FakeTable(
    'ext_def',
    [
      column('txt', 'TEXT'),
      column('i', 'INTEGER'),
      column('b', 'BIGINT'),
      // A type name core does not know: the affinity is UNKNOWN and the values are NULL.
      column('ub', 'UNSIGNED_BIGINT'),
      column('d', 'DOUBLE'),
      column('bl', 'BLOB'),
    ],
    () => [
      { txt: 'a', i: '1', b: '2', ub: '3', d: '1.5', bl: 'x' },
      { txt: 'b', i: '5', b: '6', ub: '7', d: '2.5', bl: 'y' },
    ],
  ),
  new FakeTable(
    'ext_opt',
    [
      column('time', 'BIGINT', 1),
      column('pid', 'BIGINT', 1),
      column('path', 'TEXT', 1 | 8),
      column('v', 'TEXT', 8),
      column('hid', 'TEXT', 16),
      column('hidx', 'TEXT', 1 | 16),
      EVENT_BASED,
    ],
    () => [{ time: '100', pid: '1', path: '/a', v: 'v', hid: 'x', hidx: 'y' }],
  ),
  new FakeTable('ext_req', [column('k', 'TEXT', 2), column('v', 'TEXT', 8)], () => [{ k: '1', v: 'x' }]),
];

const processes = nativeTable({
  name: 'processes',
  columns: [
    ['pid', 'BIGINT', 1],
    ['name', 'TEXT'],
  ],
  generate: () => [
    { pid: '1', name: 'init' },
    { pid: '2', name: 'kthreadd' },
  ],
});

describe('what an osqueryd 5.23 was seen to send', () => {
  const recording = readRecording();

  test('holds statements of every kind', () => {
    expect(recording).toHaveLength(14);
    expect(recording.flatMap(({ contexts }) => contexts)).toHaveLength(15);
  });

  // The recording was made with disable_events, which osqueryi sets when it does not read from a terminal. Its
  // statement with two constraints and none in the context fits only --extensions_default_index=false.
  const withoutIndex = "select txt from ext_def where txt='a' and i>1 limit 5";

  const open = async (defaultIndex: boolean) => {
    const started = await startCore(
      { disable_events: 'true', extensions_default_index: String(defaultIndex) },
      { nativeTables: [processes] },
    );
    const tables = fakeTables();
    return { started, tables, extension: await startExtension(started.core, tables) };
  };
  let indexed: Awaited<ReturnType<typeof open>>;
  let unindexed: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    [indexed, unindexed] = await Promise.all([open(true), open(false)]);
  });
  afterAll(async () => {
    for (const { started, extension } of [indexed, unindexed]) {
      await extension[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    }
  });

  test.each(recording)('$sql', async ({ sql, contexts, rows, warnings, error }) => {
    const { started, tables } = sql === withoutIndex ? unindexed : indexed;
    started.log.length = 0;
    for (const table of tables) table.requests.length = 0;
    const result = await started.core.query(sql).then(
      found => ({ rows: found.rows, error: undefined }),
      (thrown: Error) => ({ rows: [], error: thrown.message }),
    );
    const seen = tables.flatMap(table =>
      table.requests.map(({ context }) => ({ table: table.name, context: sorted(JSON.parse(context!)) })),
    );
    expect(seen).toEqual(contexts);
    expect(result.error).toBe(error);
    expect(result.rows).toEqual(rows);
    const logged = started.log.filter(line => line.startsWith('warning: ')).map(line => line.slice(9));
    expect(logged).toEqual(warnings);
  });
});
