import { mentionsOf } from 'osquery-extension-ts/events';
import { prefixedName } from '../../tables/table-name.ts';

/** Names of the event tables that a stock core has too, and which it keeps for itself unless told otherwise. */
export const standardTables = ['process_events', 'socket_events', 'user_events'] as const;
export type StandardTable = (typeof standardTables)[number];

/** Tables of ours that a schedule may read, without the standard ones. */
export const furtherTables = ['process_telemetry_events'] as const;

/** Whether SQL names a table of ours, by either of its names. */
export const readsTable = (sql: string, table: string): boolean =>
  mentionsOf([table, prefixedName(table)]).test(sql);
