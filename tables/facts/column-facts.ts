import type { ColumnSpec } from 'osquery-extension-ts';

/** What somebody who writes a query has to know about a column. The pages and the man pages are made of these. */
export interface ColumnFacts {
  /** What the value is, in a few words or sentences. */
  readonly is: string;
  /** The audit record and its field (`SYSCALL auid`), or where else the value comes from. */
  readonly from: string;
  /** When it is NULL. Absent: never. */
  readonly nullIf?: string;
  /** A value, where no recorded event in fixtures/ has one. */
  readonly example?: string;
}

/** Facts of each column of a list. */
export type FactsOf<Columns extends readonly ColumnSpec[]> = Readonly<
  Record<Columns[number]['name'], ColumnFacts>
>;
