import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { type AuditSettingsReading, readAuditSettings } from '../../flags/audit-settings.ts';
import type { RememberedOptions } from './remembered-options.ts';
import type { WatchedFiles } from './watched-files.ts';

export interface CoreSettings extends AuditSettingsReading {
  /** Core's options by name, as text, without those given by hand. */
  readonly options: ReadonlyMap<string, string>;
}

/** The sources of core's settings. */
export interface CoreSources {
  readonly client: ExtensionManagerClient;
  readonly remembered: RememberedOptions;
  /** If absent, every file counts, as for recorded events. */
  readonly files: WatchedFiles | undefined;
}

/**
 * The present settings of core, or the last known ones if it has no configuration yet; settings given by hand win.
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
