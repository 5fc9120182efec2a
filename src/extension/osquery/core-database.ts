import { type CallOptions, type ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';

/** Domains of core's database. Source: osquery/database/database.cpp. */
export const PERSISTENT_SETTINGS = 'configurations';
export const QUERIES = 'queries';
/** Has a key for each distributed query while it runs. */
export const DISTRIBUTED_RUNNING = 'distributed_running';

/** A value in core's database; undefined if the key is not there. */
export const databaseValue = async (
  client: ExtensionManagerClient,
  domain: string,
  key: string,
): Promise<string | undefined> => {
  try {
    return (await client.call('database', '', { action: 'get', domain, key }))[0]?.v;
  } catch (error) {
    // A key that is not there is a status other than 0.
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
};

/** A key and the domain it is in. */
export type DatabaseKey = readonly [domain: string, key: string];

/** Values in core's database, read one after the other for one wait; undefined for a key that is not there. */
export const databaseValues = async (
  client: ExtensionManagerClient,
  keys: readonly DatabaseKey[],
  options: CallOptions = {},
): Promise<readonly (string | undefined)[]> => {
  const answers = await client.callTogether(
    keys.map(([domain, key]) => ({
      registry: 'database',
      item: '',
      request: { action: 'get', domain, key },
    })),
    options,
  );
  return answers.map(({ rows: [row] }) => row?.v);
};

/** Keys of a domain of core's database that begin with a prefix. */
export const databaseKeys = async (
  client: ExtensionManagerClient,
  domain: string,
  prefix = '',
): Promise<readonly string[]> => {
  try {
    const rows = await client.call('database', '', { action: 'scan', domain, prefix });
    return rows.map(({ k = '' }) => k);
  } catch (error) {
    // A core without the domain.
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return [];
    throw error;
  }
};
