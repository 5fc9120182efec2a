import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditSettingsReading, readAuditSettings } from '../flags/audit-settings.ts';

/**
 * The settings core gives, under those given by hand.
 *
 * @throws OsqueryError if core does not answer
 */
export const readCoreSettings = async (
  client: ExtensionManagerClient,
  overrides: ReadonlyMap<string, string>,
): Promise<AuditSettingsReading> => {
  const options = await client.options();
  const values = new Map([...options].map(([name, { value }]) => [name, value]));
  for (const [name, value] of overrides) values.set(name, value);
  return readAuditSettings(values);
};
