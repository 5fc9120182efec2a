import { type ExtensionManagerClient, isOsqueryError, type PluginRow } from 'osquery-extension-ts';
import type { QueryExecution } from '../events/query-cursors.ts';

/** Domains of core's database. */
const PERSISTENT_SETTINGS = 'configurations';
const QUERIES = 'queries';

/**
 * Asks core's database which scheduled query is running, and which execution of it this is.
 *
 * Core writes `executing_query` and the time of the start before each execution; the query's counter grows after each
 * one that had results. Both together tell two executions apart: the counter alone stands still while a query finds
 * nothing, the time alone is in seconds.
 */
export const runningQuery = async (client: ExtensionManagerClient): Promise<QueryExecution | undefined> => {
  const query = await get(client, PERSISTENT_SETTINGS, 'executing_query');
  if (query === undefined || query === '') return undefined;
  const [counter, started] = await Promise.all([
    get(client, QUERIES, `${query}counter`),
    get(client, PERSISTENT_SETTINGS, `timestamp.${query}`),
  ]);
  return { query, id: `${counter ?? ''}/${started ?? ''}`, counter };
};

const get = async (
  client: ExtensionManagerClient,
  domain: string,
  key: string,
): Promise<string | undefined> => {
  try {
    const rows: readonly PluginRow[] = await client.call('database', '', { action: 'get', domain, key });
    return rows[0]?.v;
  } catch (error) {
    // A key that is not there is a status other than 0.
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
};
