/**
 * Core's flags: what it serves to extensions through `options()` and shows in `osquery_flags`.
 *
 * Source: `options()` of a running osqueryd 5.23; the flags of loggers, TLS, AWS and the other platforms, which no
 * extension here asks for, are left out.
 */

import type { OptionInfo } from 'osquery-extension-ts/types';
import { isTableDisabled } from '../flags/disabled-tables.ts';

type FlagType = 'bool' | 'string' | 'int32' | 'uint32' | 'uint64';

const CORE_OPTIONS = {
  audit_allow_accept_socket_events: ['bool', 'true'],
  audit_allow_apparmor_events: ['bool', 'false'],
  audit_allow_config: ['bool', 'false'],
  audit_allow_failed_socket_events: ['bool', 'false'],
  audit_allow_fim_events: ['bool', 'false'],
  audit_allow_fork_process_events: ['bool', 'false'],
  audit_allow_kill_process_events: ['bool', 'false'],
  audit_allow_null_accept_socket_events: ['bool', 'false'],
  audit_allow_process_events: ['bool', 'true'],
  audit_allow_seccomp_events: ['bool', 'false'],
  audit_allow_selinux_events: ['bool', 'false'],
  audit_allow_sockets: ['bool', 'false'],
  audit_allow_unix: ['bool', 'false'],
  audit_allow_user_events: ['bool', 'true'],
  audit_backlog_limit: ['int32', '4096'],
  audit_backlog_wait_time: ['int32', '0'],
  audit_debug: ['bool', 'false'],
  audit_fim_debug: ['bool', 'false'],
  audit_fim_show_accesses: ['bool', 'false'],
  audit_force_reconfigure: ['bool', 'false'],
  audit_force_unconfigure: ['bool', 'false'],
  audit_persist: ['bool', 'true'],
  audit_show_partial_fim_events: ['bool', 'false'],
  audit_show_untracked_res_warnings: ['bool', 'false'],
  config_path: ['string', '/etc/osquery/osquery.conf'],
  config_plugin: ['string', 'filesystem'],
  config_refresh: ['uint64', '0'],
  database_path: ['string', '/var/osquery/osquery.db'],
  decorations_top_level: ['bool', 'false'],
  disable_audit: ['bool', 'true'],
  disable_caching: ['bool', 'false'],
  disable_carver: ['bool', 'true'],
  disable_database: ['bool', 'false'],
  disable_decorators: ['bool', 'false'],
  disable_distributed: ['bool', 'true'],
  disable_enrollment: ['bool', 'false'],
  disable_events: ['bool', 'false'],
  disable_extensions: ['bool', 'false'],
  disable_hash_cache: ['bool', 'false'],
  disable_logging: ['bool', 'false'],
  disable_memory: ['bool', 'false'],
  disable_reenrollment: ['bool', 'false'],
  disable_tables: ['string', ''],
  disable_watchdog: ['bool', 'false'],
  distributed_plugin: ['string', 'tls'],
  enable_extensions_watchdog: ['bool', 'false'],
  enable_file_events: ['bool', 'false'],
  enable_foreign: ['bool', 'false'],
  enable_numeric_monitoring: ['bool', 'false'],
  enable_syslog: ['bool', 'false'],
  enable_tables: ['string', ''],
  enable_watchdog_debug: ['bool', 'false'],
  events_enforce_denylist: ['bool', 'false'],
  events_expiry: ['uint64', '3600'],
  events_max: ['uint64', '50000'],
  events_optimize: ['bool', 'true'],
  extensions_autoload: ['string', '/etc/osquery/extensions.load'],
  extensions_default_index: ['bool', 'true'],
  extensions_interval: ['string', '3'],
  extensions_require: ['string', ''],
  extensions_socket: ['string', '/var/osquery/osquery.em'],
  extensions_timeout: ['string', '3'],
  host_identifier: ['string', 'hostname'],
  logger_event_type: ['bool', 'true'],
  logger_numerics: ['bool', 'false'],
  logger_path: ['string', '/var/log/osquery/'],
  logger_plugin: ['string', 'filesystem'],
  nullvalue: ['string', ''],
  pack_delimiter: ['string', '_'],
  pack_refresh_interval: ['uint64', '3600'],
  pidfile: ['string', '/var/osquery/osqueryd.pidfile'],
  schedule_default_interval: ['uint64', '3600'],
  schedule_epoch: ['uint64', '0'],
  schedule_lognames: ['bool', 'false'],
  schedule_max_drift: ['uint64', '60'],
  schedule_reload: ['uint64', '3600'],
  schedule_reload_sql: ['bool', 'false'],
  schedule_splay_percent: ['uint64', '10'],
  schedule_timeout: ['uint64', '0'],
  specified_identifier: ['string', ''],
  thrift_string_size_limit: ['int32', '0'],
  thrift_timeout: ['uint32', '300'],
  thrift_verbose: ['bool', 'false'],
  utc: ['bool', 'true'],
  verbose: ['bool', 'false'],
  watchdog_delay: ['uint64', '60'],
  watchdog_forced_shutdown_delay: ['uint64', '4'],
  watchdog_latency_limit: ['uint64', '0'],
  watchdog_level: ['int32', '0'],
  watchdog_max_delay: ['uint64', '600'],
  watchdog_memory_limit: ['uint64', '0'],
  watchdog_utilization_limit: ['uint64', '0'],
} as const satisfies Readonly<Record<string, readonly [type: FlagType, defaultValue: string]>>;

export type CoreOptionName = keyof typeof CORE_OPTIONS;

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

  /** The default stands in for a value that is no number. */
  number(name: CoreOptionName): number {
    const value = Number(this.text(name));
    return Number.isFinite(value) && value >= 0 ? value : Number(CORE_OPTIONS[name][1]);
  }

  /** Whether a value was given, be it the default. */
  isGiven(name: CoreOptionName): boolean {
    return this.#given.has(name);
  }

  /** Whether a value was given that differs from the default. */
  isSet(name: CoreOptionName): boolean {
    return this.text(name) !== CORE_OPTIONS[name][1];
  }

  /** Every flag by name; a given one that core does not know (`custom_…`) is a string without a default. */
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
