import type { ColumnSpec, Row, TableSpec } from 'osquery-extension-ts';

const columns = [
  /** When the loss was seen, in seconds since the epoch; it happened between `since` and this. */
  { name: 'time', type: 'BIGINT' },
  { name: 'since', type: 'BIGINT' },
  /** The column of audit_status that counts it. */
  { name: 'counter', type: 'TEXT' },
  { name: 'cause', type: 'TEXT' },
  { name: 'lost', type: 'BIGINT' },
  /** The settings to raise; NULL if none helps. */
  { name: 'raise', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

export type AuditLossRow = Row<typeof columns>;

/** What was lost, when, and which setting to raise: one row for each minute in which a counter of losses grew. */
export const auditLosses = {
  name: 'audit_losses',
  columns,
} as const satisfies TableSpec;
