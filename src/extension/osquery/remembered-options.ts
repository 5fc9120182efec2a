import { type ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';
import { PERSISTENT_SETTINGS } from 'osquery-extension-ts/events';
import { auditFlags, eventFlags } from '../../flags/audit-flags.ts';
import { customOptions } from '../../flags/custom-options.ts';

/** The key in core's database. */
const KEY = 'osquery-audit-events.options';

const NAMES: readonly string[] = [...auditFlags, ...eventFlags, ...customOptions].map(({ name }) => name);

type Options = ReadonlyMap<string, string>;

/**
 * The options of core's last configuration, kept in core's own database. Core starts its extensions before it has
 * read its configuration, and reading it from a server takes seconds. With the last options, an extension begins with
 * the right state directory and limits, and changes nothing when the same options come.
 */
export class RememberedOptions {
  readonly #client: ExtensionManagerClient;
  #saved: string | undefined;
  /** Once core has a configuration, it always has one. */
  #hasValid = false;

  constructor(client: ExtensionManagerClient) {
    this.#client = client;
  }

  /** @returns core's options, completed by the last known ones while core has no configuration */
  async complete(options: Options): Promise<Options> {
    if (await this.#hasConfiguration()) return options;
    const remembered = parse(await this.#client.database.get(PERSISTENT_SETTINGS, KEY));
    return new Map([...options, ...remembered]);
  }

  /** Saves the options for the next start, if core has its configuration. */
  async save(options: Options): Promise<void> {
    const ours = NAMES.flatMap(name => {
      const value = options.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const text = JSON.stringify(ours);
    if (text === this.#saved || !(await this.#hasConfiguration())) return;
    await this.#client.database.put(PERSISTENT_SETTINGS, KEY, text);
    this.#saved = text;
  }

  async #hasConfiguration(): Promise<boolean> {
    if (this.#hasValid) return true;
    try {
      const [info] = await this.#client.query('SELECT config_valid FROM osquery_info');
      this.#hasValid = info?.config_valid === '1';
    } catch (error) {
      if (!isOsqueryError(error, 'OSQUERY_STATUS')) throw error;
      // --disable_tables hides the table, so nothing can be learned from it.
      this.#hasValid = true;
    }
    return this.#hasValid;
  }
}

/** Anything but a list of names and values was not written by us. */
const parse = (text: string | undefined): Options => {
  try {
    const entries: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(entries)) return new Map();
    return new Map(
      entries.filter(
        (entry): entry is [string, string] =>
          Array.isArray(entry) && NAMES.includes(entry[0]) && typeof entry[1] === 'string',
      ),
    );
  } catch {
    return new Map();
  }
};
