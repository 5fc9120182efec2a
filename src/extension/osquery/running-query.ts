import type { ExtensionManagerClient } from 'osquery-extension-ts';
import type { QueryExecution } from '../../events/query-cursors.ts';
import {
  DISTRIBUTED_RUNNING,
  databaseKeys,
  databaseValue,
  PERSISTENT_SETTINGS,
  QUERIES,
} from './core-database.ts';
import type { Schedule } from './schedule.ts';

/** One read of a table, as core asks for it. */
export interface TableRead {
  /** All names of the table. */
  readonly tableNames: readonly string[];
  /** Columns that core wants; undefined if it does not say. */
  readonly columns: ReadonlySet<string> | undefined;
}

/**
 * The scheduled query that a read of a table belongs to; undefined for one that no schedule asked for.
 *
 * Core does not say who reads. Its database says which scheduled query is running, and distributed queries run beside it.
 * A query that is not known to read the table may have come, or changed, since the last look at the schedule; the look
 * cannot be waited for (see Schedule), but it is the one that reads if no distributed query runs.
 *
 * @param client whose connection nothing else is asked on that core may take long to answer
 */
export const readingQuery = async (
  client: ExtensionManagerClient,
  schedule: Schedule,
  { tableNames, columns }: TableRead,
): Promise<QueryExecution | undefined> => {
  const execution = await runningQuery(client);
  if (execution === undefined || schedule.canRead(execution.query, tableNames, columns)) return execution;
  const distributed = await databaseKeys(client, DISTRIBUTED_RUNNING);
  return distributed.length > 0 ? undefined : { ...execution, seenAtLook: schedule.looks };
};

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
