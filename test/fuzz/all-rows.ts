import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import type { TableBatch } from '../../src/events/event-publisher.ts';
import { argumentsOf } from '../../src/events/joined-arguments.ts';

export interface TableRow {
  readonly table: string;
  readonly values: PluginRow;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The rows in batches, decoded.
 *
 * @throws if a batch is not valid Thrift, or not UTF-8
 */
export const allRows = (batches: readonly TableBatch[]): TableRow[] =>
  batches.flatMap(({ table, batch }) => {
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    const rows = decodeRows({ count: batch.ends.length, chunks: [bytes] });
    return rows.map((values, index) => {
      const start = index === 0 ? 0 : batch.ends[index - 1]!;
      checkUtf8(bytes.subarray(start, batch.ends[index]));
      return { table, values: withArguments(values) };
    });
  });

/** The list of arguments is made of the command line when somebody asks. */
const withArguments = (values: PluginRow): PluginRow => {
  const argv = values.cmdline === undefined ? undefined : argumentsOf(values.cmdline, values.argv);
  return argv === undefined ? values : { ...values, argv };
};

/** Each name and value of an encoded row. */
const checkUtf8 = (row: Buffer): void => {
  for (let at = 6; at < row.length; ) {
    const length = row.readInt32BE(at);
    UTF8.decode(row.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
};
