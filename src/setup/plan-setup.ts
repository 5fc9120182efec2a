import { dirname, join } from 'node:path';
import { readConfig } from '../doctor/readers/read-config.ts';
import { readText } from '../doctor/readers/read-text.ts';
import type { HostFacts } from '../runtime/host-facts.ts';
import { type ConfigFile, MAX_CONFIG_BYTES, readConfigFile } from './config-file.ts';
import { addToAutoload, type Edit, removeFromAutoload } from './edit-autoload.ts';
import { addFlags, removeFlags } from './edit-flags.ts';
import { addConfig, addPacks, PACKS_FILE, removeFile } from './edit-packs.ts';
import type { Replacement } from './replace-files.ts';

/** Files that come with the program. */
export interface ShippedFiles {
  /** The text of osquery.flags. */
  readonly flags: string;
  /** JSON by table. */
  readonly packs: ReadonlyMap<string, string>;
}

export interface SetupOptions {
  readonly host: HostFacts;
  /** Directory of osquery's configuration, absolute. */
  readonly etc: string;
  /** Absolute path of the executable that osqueryd is to load. */
  readonly executable: string;
  readonly shipped: ShippedFiles;
  readonly undo: boolean;
  /** Changes only the list of extensions, as packages do when they are installed. */
  readonly autoloadOnly: boolean;
}

export interface SetupPlan {
  /** Files to write, in the order in which they take effect. */
  readonly changes: readonly Replacement[];
  /** What the user should know, with the file's path first. */
  readonly remarks: readonly string[];
}

/** osquery's own directory. For another one, the flagfile has to name the paths. */
export const DEFAULT_ETC = '/etc/osquery';

/**
 * Reads the existing files and decides what to write so that a stock osqueryd loads the extension, or no longer does.
 *
 * @throws SetupError if a file may not be edited
 */
export const planSetup = async (options: SetupOptions): Promise<SetupPlan> => {
  const changes: Replacement[] = [];
  const remarks: string[] = [];
  const take = (file: ConfigFile, edit: Edit, isWholeFile = false): void => {
    for (const remark of edit.remarks) remarks.push(`${file.path}: ${printable(remark)}`);
    const content = isWholeFile && edit.content === '' ? undefined : edit.content;
    if (content !== file.content && !(content === '' && file.content === undefined)) {
      changes.push({ file, content });
    }
  };

  const { undo, etc, executable } = options;
  const flagfile = await readFlagfile(options);
  const flags = editFlags(flagfile.content ?? '', flagfile.path, options);
  const where = (name: string, fallback: string): string => flags.effective(name) || fallback;

  const autoload = await readConfigFile(where('extensions_autoload', join(etc, 'extensions.load')));
  const content = autoload.content ?? '';
  const listed = undo
    ? removeFromAutoload(content, executable)
    : addToAutoload(content, executable, { respectComments: options.autoloadOnly });
  if (options.autoloadOnly) {
    take(autoload, listed);
    return { changes, remarks };
  }

  const configPath = where('config_path', join(etc, 'osquery.conf'));
  const plugin = flags.effective('config_plugin');
  if (plugin !== undefined && plugin !== 'filesystem') {
    remarks.push(
      `${flagfile.path}: the schedule comes from --config_plugin=${plugin}: add the packs there; they are in ${join(dirname(executable), 'packs')} or the project's tables/packs`,
    );
  } else {
    const { edits, problems } = await editConfig(configPath, options);
    for (const [file, edit] of edits) take(file, edit, true);
    remarks.push(...problems.map(printable));
  }
  // When osqueryd finds the extension, all else must be in place.
  take(flagfile, flags);
  take(autoload, listed);
  return { changes, remarks };
};

/** For the list of extensions alone, only its path is taken from the flagfile, so the file may be of any kind. */
const readFlagfile = async ({ etc, autoloadOnly }: SetupOptions): Promise<ConfigFile> => {
  const path = join(etc, 'osquery.flags');
  if (!autoloadOnly) return readConfigFile(path);
  const reading = readText(path, MAX_CONFIG_BYTES);
  const content = reading.kind === 'read' ? Buffer.from(reading.text).toString('latin1') : undefined;
  return { path, content, stats: undefined };
};

const editFlags = (content: string, path: string, { host, etc, shipped, undo }: SetupOptions) => {
  const names = { extensions_autoload: 'extensions.load', config_path: 'osquery.conf' };
  const paths = new Map(
    etc === DEFAULT_ETC ? [] : Object.entries(names).map(([flag, name]) => [flag, join(etc, name)]),
  );
  return (undo ? removeFlags : addFlags)(content, { host, path, shipped: shipped.flags, paths });
};

interface ConfigEdits {
  readonly edits: readonly (readonly [ConfigFile, Edit])[];
  /** Problems of the existing configuration; each names its file. */
  readonly problems: readonly string[];
}

/** Makes osquery.conf if it does not exist, and a file of ours beside it. */
const editConfig = async (path: string, { undo, shipped }: SetupOptions): Promise<ConfigEdits> => {
  const packsFile = await readConfigFile(join(`${path}.d`, PACKS_FILE));
  const config = await readConfigFile(path);
  if (undo) {
    const packs = removeFile(packsFile.content ?? '');
    const own = config.content === undefined ? { content: '', remarks: [] } : undoConfig(config.content);
    return {
      edits: [
        [packsFile, packs],
        [config, own],
      ],
      problems: [],
    };
  }
  const schedule = readConfig({ root: '/', path, platform: 'linux', without: packsFile.path });
  const { queries, problems } = schedule.kind === 'read' ? schedule : { queries: [], problems: [] };
  const sql = queries.map(query => query.sql);
  return {
    edits: [
      [packsFile, addPacks(packsFile.content ?? '', sql, shipped.packs)],
      [config, addConfig(config.content)],
    ],
    problems,
  };
};

/** Removes only the file that setup made; any other stays, without a remark. */
const undoConfig = (content: string): Edit => ({ content: removeFile(content).content, remarks: [] });

/** Lines of files may hold anything; a terminal must not act on them. */
const printable = (text: string): string =>
  Buffer.from(text, 'latin1')
    .toString()
    .replace(/\p{C}|\p{Zl}|\p{Zp}/gu, '\ufffd');
