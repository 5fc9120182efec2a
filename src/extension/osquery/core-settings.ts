import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditSettingsReading, readAuditSettings } from '../../flags/audit-settings.ts';
import type { RememberedOptions } from './remembered-options.ts';
import type { WatchedFiles } from './watched-files.ts';

export interface CoreSettings extends AuditSettingsReading {
  /** Core's options by name, as text, without those given by hand. */
  readonly options: ReadonlyMap<string, string>;
}

/** Where core says what it has. */
export interface CoreSources {
  readonly client: ExtensionManagerClient;
  readonly remembered: RememberedOptions;
  /** Absent, every file counts: so it is of recorded events. */
  readonly files: WatchedFiles | undefined;
}

/**
 * The settings core gives, or gave the last time where it has no configuration yet, under those given by hand.
 *
 * @throws OsqueryError if core does not answer
 */
export const readCoreSettings = async (
  { client, remembered, files }: CoreSources,
  overrides: ReadonlyMap<string, string>,
): Promise<CoreSettings> => {
  const given = new Map([...(await client.options())].map(([name, { value }]) => [name, value]));
  const options = await remembered.complete(given);
  const { settings, warnings } = readAuditSettings(new Map([...options, ...overrides]));
  if (files === undefined || !settings.allowFimEvents) return { options, settings, warnings };
  return { options, settings: { ...settings, watched: await files.read() }, warnings };
};
