import type { ColumnSpec, PluginRow, TableSpec } from 'osquery-extension-ts';
import { CONSTRAINT_EQ, CONSTRAINT_GT } from 'osquery-extension-ts/protocol';

export interface SelectOptions {
  /** Names of the columns that are used; default: all that are not hidden, as for `SELECT *`. */
  readonly columns?: readonly string[];
  readonly equal?: Readonly<Record<string, string>>;
  readonly greater?: Readonly<Record<string, string>>;
}

/** The request that core makes of a SELECT. */
export const selectRequest = (spec: TableSpec, options: SelectOptions = {}): PluginRow => {
  const columns: readonly ColumnSpec[] = spec.columns;
  const used =
    options.columns ?? columns.filter(column => column.options?.hidden !== true).map(({ name }) => name);
  const comparisons = (name: string): { op: number; expr: string }[] => [
    ...(options.equal?.[name] === undefined ? [] : [{ op: CONSTRAINT_EQ, expr: options.equal[name] }]),
    ...(options.greater?.[name] === undefined ? [] : [{ op: CONSTRAINT_GT, expr: options.greater[name] }]),
  ];
  const bits = columns.reduce(
    (sum, { name }, i) => (used.includes(name) ? sum | (1n << BigInt(i)) : sum),
    0n,
  );
  const constraints = columns.map(({ name, type }) => ({ name, list: comparisons(name), affinity: type }));
  return {
    action: 'generate',
    context: JSON.stringify({ constraints, colsUsed: used, colsUsedBitset: Number(bits) }),
  };
};
