import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { maskOf, storedNames } from '../../src/events/encoded-row.ts';
import { EventBuffer } from '../../src/events/event-buffer.ts';
import type { EventTable } from '../../src/events/event-table.ts';
import type { RowBatch } from '../../src/events/row-batch.ts';

/** The rows of a batch as a SELECT of all columns has them. */
export const selectedRows = ({ spec }: EventTable, batch: RowBatch): PluginRow[] => {
  const buffer = new EventBuffer(storedNames(spec.columns), { rows: 1e9, bytes: 1e12 });
  buffer.append(batch);
  return decodeRows(buffer.select(buffer.range, maskOf(spec.columns.keys())));
};
