import { furtherTables, readsTable } from '../doctor/our-tables.ts';
import type { Edit } from './edit-autoload.ts';
import { isMarkedFile, markedFile } from './marked.ts';
import { bytesAsText } from './text-lines.ts';

/** Name of our file in the directory whose files osquery reads besides osquery.conf. */
export const PACKS_FILE = 'osquery-audit-events.conf';

/** Tables that our packs read: those for which every host has events. */
export const packTables = ['process_events', 'socket_events', 'user_events'] as const;

/**
 * The file with packs for the tables that no scheduled query reads yet. Empty text: no such file.
 *
 * @param content the file as it is; '' if there is none
 * @param queries the SQL of the schedule without that file
 * @param packs the packs that come with the program, as JSON, by table
 */
export const addPacks = (
  content: string,
  queries: readonly string[],
  packs: ReadonlyMap<string, string>,
): Edit => {
  if (content !== '' && !isMarkedFile(content)) {
    return {
      content,
      remarks: ['was changed since setup wrote it, or was not written by setup: it stays as it is'],
    };
  }
  const isRead = (table: string): boolean => queries.some(sql => readsTable(sql, table));
  // A schedule that reads the telemetry table needs no second record of executions.
  const hasTelemetry = furtherTables.some(isRead);
  const lacking = packTables.filter(table => !isRead(table) && !(table === 'process_events' && hasTelemetry));
  const remarks = packTables
    .filter(table => !lacking.includes(table))
    .map(table => `needs no pack for ${table}: a scheduled query reads it already`);
  if (lacking.length === 0) return { content: '', remarks };
  const chosen = Object.fromEntries(lacking.map(table => [table, JSON.parse(packs.get(table)!)]));
  return { content: markedFile(bytesAsText(`${JSON.stringify({ packs: chosen }, null, 2)}\n`)), remarks };
};

/** osquery requires this file to exist, whatever it contains. */
export const addConfig = (content: string | undefined): Edit =>
  content === undefined ? { content: markedFile('{}\n'), remarks: [] } : { content, remarks: [] };

/** Removes a whole file of ours, if nobody changed it since. */
export const removeFile = (content: string): Edit =>
  content === '' || isMarkedFile(content)
    ? { content: '', remarks: [] }
    : {
        content,
        remarks: ['was changed since setup wrote it, or was not written by setup: it stays as it is'],
      };
