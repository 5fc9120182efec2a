import { type ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';

/** Domains of core's database. Source: osquery/database/database.cpp. */
export const PERSISTENT_SETTINGS = 'configurations';
export const QUERIES = 'queries';

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
