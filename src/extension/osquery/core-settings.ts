import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditSettingsReading, readAuditSettings } from '../../flags/audit-settings.ts';

export interface CoreSettings extends AuditSettingsReading {
  /** Core's options by name, as text, without those given by hand. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The settings core gives, under those given by hand.
 *
 * @throws OsqueryError if core does not answer
 */
export const readCoreSettings = async (
  client: ExtensionManagerClient,
  overrides: ReadonlyMap<string, string>,
): Promise<CoreSettings> => {
  const options = new Map([...(await client.options())].map(([name, { value }]) => [name, value]));
  return { options, ...readAuditSettings(new Map([...options, ...overrides])) };
};
