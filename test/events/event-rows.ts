import type { ColumnSpec, PluginRow, QueryContext, Row, TableSpec } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { EMPTY_CONTEXT } from 'osquery-extension-ts/protocol';
import type { Constraint } from 'osquery-extension-ts/types';
import { type ColumnMask, maskOf } from '../../src/events/encoded-row.ts';
import { EventBuffer, type EventBufferLimits, type RowSpan } from '../../src/events/event-buffer.ts';
import { packRows } from '../../src/events/packing.ts';
import type { PackedBatch, RowBatch, StoredBatch } from '../../src/events/row-batch.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import type { RowFilter } from '../../src/events/stored-rows.ts';

/** A table of events in small, for tests: a column of each type that tables of events have, `note` often absent. */
export const columns = [
  { name: 'path', type: 'TEXT' },
  { name: 'pid', type: 'BIGINT' },
  { name: 'note', type: 'TEXT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

export const spec = {
  name: 'test_events',
  columns,
  columnAliases: { file: 'path' },
  attributes: { eventBased: true },
} as const satisfies TableSpec<typeof columns>;

export type TestRow = Omit<Row<typeof columns>, 'eid' | 'time'> & { readonly time: number };

export const EVERY_COLUMN: ColumnMask = maskOf(columns.map((_, i) => i));
export const NO_LIMITS: EventBufferLimits = { rows: 1e9, bytes: 1e12 };

export const newBuffer = (limits = NO_LIMITS, now?: () => number): EventBuffer =>
  new EventBuffer(
    columns.map(({ name }) => name),
    limits,
    undefined,
    now,
  );

export const batchOf = (rows: readonly TestRow[], firstEid = 1, owner = 0): RowBatch => {
  const writer = new RowBatchWriter(columns, firstEid);
  for (const row of rows) writer.append({ ...row }, row.time, owner);
  return writer.take()!;
};

export const packedOf = ({ bytes, ...index }: StoredBatch): PackedBatch => ({
  ...index,
  packed: packRows(bytes),
  length: bytes.length,
});

/** A buffer and the way its rows get there. */
export const filledBuffer = (rows: readonly TestRow[], limits = NO_LIMITS, now?: () => number) => {
  const writer = new RowBatchWriter(columns);
  const buffer = newBuffer(limits, now);
  const append = (more: readonly TestRow[], owner = 0): void => {
    for (const row of more) writer.append({ ...row }, row.time, owner);
    const batch = writer.take();
    if (batch !== undefined) buffer.append(batch);
  };
  append(rows);
  return { buffer, append };
};

export const rowsOf = (
  buffer: EventBuffer,
  span: RowSpan = buffer.range,
  wanted = EVERY_COLUMN,
  filter?: RowFilter,
): PluginRow[] => decodeRows(buffer.select(span, wanted, { filter }));

export const eidsOf = (rows: readonly PluginRow[]): number[] => rows.map(({ eid }) => Number(eid));

/** The context of a query with these comparisons, by column. */
export const contextOf = (
  constraints: Readonly<Record<string, readonly Constraint[]>>,
  colsUsed?: readonly string[],
): QueryContext => ({
  ...EMPTY_CONTEXT,
  constraints: new Map(Object.entries(constraints).map(([name, list]) => [name, { affinity: 'TEXT', list }])),
  colsUsed: colsUsed === undefined ? undefined : new Set(colsUsed),
});
