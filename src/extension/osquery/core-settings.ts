import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditSettingsReading, readAuditSettings } from '../../flags/audit-settings.ts';
import type { RememberedOptions } from './remembered-options.ts';

export interface CoreSettings extends AuditSettingsReading {
  /** Core's options by name, as text, without those given by hand. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The settings core gives, or gave the last time where it has no configuration yet, under those given by hand.
 *
 * @throws OsqueryError if core does not answer
 */
export const readCoreSettings = async (
  client: ExtensionManagerClient,
  remembered: RememberedOptions,
  overrides: ReadonlyMap<string, string>,
): Promise<CoreSettings> => {
  const given = new Map([...(await client.options())].map(([name, { value }]) => [name, value]));
  const options = await remembered.complete(given);
  return { options, ...readAuditSettings(new Map([...options, ...overrides])) };
};
