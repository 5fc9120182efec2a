import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { coreFlags } from '../flags/core-flags.ts';
import { customOptions } from '../flags/custom-options.ts';
import { flagTable } from '../flags/flag-definition.ts';
import type { ReadFacts } from './facts.ts';

/** The value of a flag in the running osquery, and after a restart. */
export interface FlagView {
  /** undefined if no core runs, or the running one does not have the flag. */
  readonly running: string | undefined;
  /** undefined if the flags that osquery is started with are not known. */
  readonly configured: ConfiguredFlag | undefined;
}

export interface ConfiguredFlag {
  readonly value: string;
  /** Where the value is set; undefined if it is osquery's default. */
  readonly by: string | undefined;
}

const definitions = flagTable(auditFlags, eventFlags, coreFlags, customOptions);

/**
 * Defaults of osquery 5.23 that differ from our definitions, or are missing there. The first two differ because ours
 * are those of osquery's guide; the others have no meaning here.
 */
const coreDefaults: Readonly<Record<string, string>> = {
  events_expiry: '3600',
  events_max: '50000',
  extensions_autoload: '/etc/osquery/extensions.load',
  config_plugin: 'filesystem',
};

/** Flags that osquery reads before its configuration, so that `options` can no longer change them. */
const EARLY_FLAGS = new Set([
  'config_path',
  'config_plugin',
  'disable_extensions',
  'disable_tables',
  'enable_tables',
  'extensions_autoload',
  'extensions_require',
  'extensions_socket',
]);

type FlagSources = Pick<ReadFacts, 'flags'> & Partial<Pick<ReadFacts, 'core' | 'config'>>;

export const viewFlag = (facts: FlagSources, name: string): FlagView => ({
  running: facts.core?.kind === 'running' ? facts.core.options.get(name) : undefined,
  configured: configuredFlag(facts, name),
});

/**
 * The value in force: that of the running osquery, else the one that it will be started with; undefined if neither is
 * known.
 */
export const effectiveFlag = (facts: FlagSources, name: string): string | undefined => {
  const { running, configured } = viewFlag(facts, name);
  return running ?? configured?.value;
};

/** Name of the place where flags are set, for messages. */
export const flagfileName = ({ flags }: Pick<ReadFacts, 'flags'>): string =>
  flags.kind === 'given' ? 'the flagfile' : flags.path;

const configuredFlag = ({ flags, config }: FlagSources, name: string): ConfiguredFlag | undefined => {
  if (flags.kind !== 'given' && flags.kind !== 'file') return undefined;
  const option = config?.kind === 'read' && !EARLY_FLAGS.has(name) ? config.options.get(name) : undefined;
  if (option !== undefined && config?.kind === 'read')
    return { value: option, by: `${config.path} ("options")` };
  const value = flags.values.get(name);
  if (value !== undefined) return { value, by: flags.kind === 'file' ? flags.path : 'the command line' };
  const defaultValue = coreDefaults[name] ?? definitions.get(name)?.defaultValue;
  return defaultValue === undefined ? undefined : { value: defaultValue, by: undefined };
};
