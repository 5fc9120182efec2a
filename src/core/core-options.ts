/**
 * Core's flags: what it serves to extensions through `options()` and shows in `osquery_flags`.
 *
 * Source: `options()` of a running osqueryd 5.23, without the flags of loggers, TLS, AWS and other platforms, which
 * no extension here asks for.
 */

import type { OptionInfo } from 'osquery-extension-ts/types';
import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { coreFlags } from '../flags/core-flags.ts';
import { isTableDisabled } from '../flags/disabled-tables.ts';
import type { FlagDefinition } from '../flags/flag-definition.ts';

/** A type and a default. */
type CoreOption = readonly [type: FlagDefinition['type'], defaultValue: string];

/** Flags without effect here, which `flags/` therefore takes without a default. */
const WITHOUT_EFFECT = {
  audit_allow_fim_events: ['bool', 'false'],
  audit_fim_debug: ['bool', 'false'],
  audit_fim_show_accesses: ['bool', 'false'],
  audit_show_partial_fim_events: ['bool', 'false'],
  audit_show_untracked_res_warnings: ['bool', 'false'],
  config_plugin: ['string', 'filesystem'],
  config_refresh: ['uint64', '0'],
  decorations_top_level: ['bool', 'false'],
  disable_caching: ['bool', 'false'],
  disable_carver: ['bool', 'true'],
  disable_decorators: ['bool', 'false'],
  disable_distributed: ['bool', 'true'],
  disable_enrollment: ['bool', 'false'],
  disable_hash_cache: ['bool', 'false'],
  disable_memory: ['bool', 'false'],
  disable_reenrollment: ['bool', 'false'],
  disable_watchdog: ['bool', 'false'],
  distributed_plugin: ['string', 'tls'],
  enable_extensions_watchdog: ['bool', 'false'],
  enable_file_events: ['bool', 'false'],
  enable_foreign: ['bool', 'false'],
  enable_syslog: ['bool', 'false'],
  enable_watchdog_debug: ['bool', 'false'],
  events_enforce_denylist: ['bool', 'false'],
  extensions_autoload: ['string', '/etc/osquery/extensions.load'],
  logger_event_type: ['bool', 'true'],
  logger_numerics: ['bool', 'false'],
  pack_refresh_interval: ['uint64', '3600'],
  schedule_reload_sql: ['bool', 'false'],
  thrift_verbose: ['bool', 'false'],
  utc: ['bool', 'true'],
  watchdog_delay: ['uint64', '60'],
  watchdog_forced_shutdown_delay: ['uint64', '4'],
  watchdog_latency_limit: ['uint64', '0'],
  watchdog_level: ['int32', '0'],
  watchdog_max_delay: ['uint64', '600'],
  watchdog_memory_limit: ['uint64', '0'],
  watchdog_utilization_limit: ['uint64', '0'],
} as const satisfies Readonly<Record<string, CoreOption>>;

/** Values that differ on purpose from `flags/`, which has those for people. */
const CORES_OWN = {
  // The guide documents 86000 and 1000, and this program's own commands start with those.
  events_expiry: ['uint64', '3600'],
  events_max: ['uint64', '50000'],
  // Text in core; on our command line they are checked as numbers.
  extensions_interval: ['string', '3'],
  extensions_timeout: ['string', '3'],
} as const satisfies Readonly<Record<string, CoreOption>>;

const SHARED_FLAGS = [...auditFlags, ...eventFlags, ...coreFlags];

export type CoreOptionName = keyof typeof WITHOUT_EFFECT | (typeof SHARED_FLAGS)[number]['name'];

const CORE_OPTIONS = {
  ...Object.fromEntries(SHARED_FLAGS.map(({ name, type, defaultValue }) => [name, [type, defaultValue]])),
  ...WITHOUT_EFFECT,
  ...CORES_OWN,
} as Readonly<Record<CoreOptionName, CoreOption>>;

/** What gflags takes for true. */
const TRUE = /^(?:true|t|yes|y|1)$/i;

/** The flags of one core: those given, and the defaults of all others. */
export class CoreOptions {
  readonly #given = new Map<string, string>();

  /** `given` holds values by flag name, without dashes. */
  constructor(given: ReadonlyMap<string, string> = new Map()) {
    for (const [name, value] of given) this.#given.set(name, value);
  }

  /** Overrides one value, as the `options` of a configuration do. */
  set(name: string, value: string): void {
    this.#given.set(name, value);
  }

  text(name: CoreOptionName): string {
    return this.#given.get(name) ?? CORE_OPTIONS[name][1];
  }

  bool(name: CoreOptionName): boolean {
    return TRUE.test(this.text(name));
  }

  /** A value that is no number counts as the default. */
  number(name: CoreOptionName): number {
    const value = Number(this.text(name));
    return Number.isFinite(value) && value >= 0 ? value : Number(CORE_OPTIONS[name][1]);
  }

  /** Whether a value was given, even if it equals the default. */
  isGiven(name: CoreOptionName): boolean {
    return this.#given.has(name);
  }

  /** Whether a value was given that differs from the default. */
  isSet(name: CoreOptionName): boolean {
    return this.text(name) !== CORE_OPTIONS[name][1];
  }

  /** Every flag by name. A given flag that core does not know (`custom_…`) is a string without a default. */
  list(): Map<string, OptionInfo> {
    const options = new Map<string, OptionInfo>();
    const names = new Set([...Object.keys(CORE_OPTIONS), ...this.#given.keys()]);
    for (const name of [...names].sort()) {
      const [type, defaultValue] = CORE_OPTIONS[name as CoreOptionName] ?? ['string', ''];
      options.set(name, { value: this.#given.get(name) ?? defaultValue, defaultValue, type });
    }
    return options;
  }

  isTableDisabled(name: string): boolean {
    return isTableDisabled(name, { get: option => this.text(option as CoreOptionName) });
  }
}
