import type { ExtensionManagerClient } from 'osquery-extension-ts';
import type { QueryExecution } from '../../events/query-cursors.ts';
import { databaseValue, PERSISTENT_SETTINGS, QUERIES } from './core-database.ts';

/**
 * Asks core's database which scheduled query is running, and which execution of it this is.
 *
 * Core writes `executing_query` and the time of the start before each execution; the query's counter grows after each
 * one that had results. Both together tell two executions apart: the counter alone stands still while a query finds
 * nothing, the time alone is in seconds.
 */
export const runningQuery = async (client: ExtensionManagerClient): Promise<QueryExecution | undefined> => {
  const query = await databaseValue(client, PERSISTENT_SETTINGS, 'executing_query');
  if (query === undefined || query === '') return undefined;
  const [counter, started] = await Promise.all([
    databaseValue(client, QUERIES, `${query}counter`),
    databaseValue(client, PERSISTENT_SETTINGS, `timestamp.${query}`),
  ]);
  return { query, id: `${counter ?? ''}/${started ?? ''}`, counter };
};
