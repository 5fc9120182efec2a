/**
 * Core's tables about itself, with osquery 5.23's columns (`specs/utility/*.table`).
 */
import type { OptionInfo } from 'osquery-extension-ts/types';
import { type NativeTable, nativeTable } from './native-table.ts';
import type { RegistryItem } from './registry.ts';

/** The version whose behaviour the embedded core has. */
export const CORE_VERSION = '5.23.0';

/** osquery's platform bits: POSIX (1) and Linux (8), or POSIX and macOS (16). */
const PLATFORM_MASK = process.platform === 'darwin' ? 1 | 16 : 1 | 8;

export interface ExtensionSummary {
  readonly uuid: number;
  readonly name: string;
  readonly version: string;
  readonly sdkVersion: string;
  /** Path of its socket. */
  readonly path: string;
}

/** A scheduled query and the cost of its runs. */
export interface ScheduleEntry {
  readonly name: string;
  readonly query: string;
  /** Seconds. */
  readonly interval: number;
  readonly executions: number;
  /** Unix time in seconds of the last run's end; 0 for none. */
  readonly lastExecuted: number;
  /** Bytes of all results. */
  readonly outputSize: number;
  readonly wallTimeMs: number;
  readonly lastWallTimeMs: number;
}

export interface PackEntry {
  readonly name: string;
  readonly platform: string;
  readonly version: string;
  readonly shard: number;
  readonly active: boolean;
}

/** The state that the tables show. */
export interface CoreState {
  readonly registry: () => readonly RegistryItem[];
  readonly extensions: () => readonly ExtensionSummary[];
  readonly options: () => ReadonlyMap<string, OptionInfo>;
  readonly schedule: () => readonly ScheduleEntry[];
  readonly packs: () => readonly PackEntry[];
  readonly socketPath: string;
  readonly instanceId: string;
  /** Unix time in seconds. */
  readonly startTime: number;
  /** SHA-1 of the configuration; empty while there is none yet, undefined if there will be none. */
  readonly configHash: (() => string) | undefined;
  readonly extensionsActive: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const flag = (value: boolean): string => (value ? '1' : '0');

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** `Thu Nov 23 22:11:00 2023 UTC`, as core writes times in logs. */
export const asciiTime = (milliseconds: number): string => {
  const date = new Date(milliseconds);
  const [day = '', number = '', month = ''] = date.toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${String(Number(number)).padStart(2)} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()} UTC`;
};

const registryTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_registry',
    columns: [
      ['registry', 'TEXT'],
      ['name', 'TEXT'],
      ['owner_uuid', 'INTEGER'],
      ['internal', 'INTEGER'],
      ['active', 'INTEGER'],
    ],
    attributes: 1,
    generate: () =>
      state.registry().map(({ registry, name, owner }) => ({
        registry,
        name,
        owner_uuid: String(owner),
        internal: '0',
        active: '1',
      })),
  });

const extensionsTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_extensions',
    columns: [
      ['uuid', 'BIGINT'],
      ['name', 'TEXT'],
      ['version', 'TEXT', 256],
      ['sdk_version', 'TEXT', 256],
      ['path', 'TEXT'],
      ['type', 'TEXT'],
    ],
    attributes: 1,
    generate: () => [
      {
        uuid: '0',
        name: 'core',
        version: CORE_VERSION,
        sdk_version: CORE_VERSION,
        path: state.socketPath,
        type: 'core',
      },
      ...state.extensions().map(extension => ({
        uuid: String(extension.uuid),
        name: extension.name,
        version: extension.version,
        sdk_version: extension.sdkVersion,
        path: extension.path,
        type: 'extension',
      })),
    ],
  });

const flagsTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_flags',
    columns: [
      ['name', 'TEXT'],
      ['type', 'TEXT'],
      ['description', 'TEXT'],
      ['default_value', 'TEXT'],
      ['value', 'TEXT'],
      ['shell_only', 'INTEGER'],
    ],
    attributes: 1,
    generate: () =>
      [...state.options()].map(([name, option]) => ({
        name,
        type: option.type,
        description: '',
        default_value: option.defaultValue,
        value: option.value,
        shell_only: '0',
      })),
  });

const scheduleTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_schedule',
    columns: [
      ['name', 'TEXT'],
      ['query', 'TEXT'],
      ['interval', 'INTEGER'],
      ['executions', 'BIGINT'],
      ['last_executed', 'BIGINT'],
      ['denylisted', 'INTEGER'],
      ['output_size', 'BIGINT'],
      ['wall_time', 'BIGINT'],
      ['wall_time_ms', 'BIGINT'],
      ['last_wall_time_ms', 'BIGINT'],
      ['user_time', 'BIGINT'],
      ['last_user_time', 'BIGINT'],
      ['system_time', 'BIGINT'],
      ['last_system_time', 'BIGINT'],
      ['average_memory', 'BIGINT'],
      ['last_memory', 'BIGINT'],
    ],
    columnAliases: { blacklisted: 'denylisted' },
    attributes: 1,
    generate: () =>
      state.schedule().map(entry => ({
        name: entry.name,
        query: entry.query,
        interval: String(entry.interval),
        executions: String(entry.executions),
        last_executed: String(entry.lastExecuted),
        denylisted: '0',
        output_size: String(entry.outputSize),
        wall_time: String(Math.floor(entry.wallTimeMs / 1000)),
        wall_time_ms: String(entry.wallTimeMs),
        last_wall_time_ms: String(entry.lastWallTimeMs),
        user_time: '0',
        last_user_time: '0',
        system_time: '0',
        last_system_time: '0',
        average_memory: '0',
        last_memory: '0',
      })),
  });

const packsTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_packs',
    columns: [
      ['name', 'TEXT'],
      ['platform', 'TEXT'],
      ['version', 'TEXT', 256],
      ['shard', 'INTEGER'],
      ['discovery_cache_hits', 'INTEGER'],
      ['discovery_executions', 'INTEGER'],
      ['active', 'INTEGER'],
    ],
    attributes: 1,
    generate: () =>
      state.packs().map(pack => ({
        name: pack.name,
        platform: pack.platform,
        version: pack.version,
        shard: String(pack.shard),
        discovery_cache_hits: '0',
        discovery_executions: '0',
        active: flag(pack.active),
      })),
  });

const infoTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'osquery_info',
    columns: [
      ['pid', 'INTEGER'],
      ['uuid', 'TEXT', 64],
      ['instance_id', 'TEXT'],
      ['version', 'TEXT', 256],
      ['config_hash', 'TEXT', 64],
      ['config_valid', 'INTEGER'],
      ['extensions', 'TEXT'],
      ['build_platform', 'TEXT'],
      ['build_distro', 'TEXT'],
      ['start_time', 'INTEGER'],
      ['watcher', 'INTEGER'],
      ['platform_mask', 'INTEGER'],
    ],
    attributes: 1,
    generate: () => [
      {
        pid: String(process.pid),
        uuid: state.instanceId,
        instance_id: state.instanceId,
        version: CORE_VERSION,
        config_hash: state.configHash?.() ?? '',
        config_valid: flag(state.configHash?.() !== ''),
        extensions: state.extensionsActive() ? 'active' : 'inactive',
        build_platform: process.platform,
        build_distro: 'embedded',
        start_time: String(state.startTime),
        watcher: '-1',
        platform_mask: String(PLATFORM_MASK),
      },
    ],
  });

const timeTable = (state: CoreState): NativeTable =>
  nativeTable({
    name: 'time',
    columns: [
      ['weekday', 'TEXT'],
      ['year', 'INTEGER'],
      ['month', 'INTEGER'],
      ['day', 'INTEGER'],
      ['hour', 'INTEGER'],
      ['minutes', 'INTEGER'],
      ['seconds', 'INTEGER'],
      ['timezone', 'TEXT'],
      ['local_timezone', 'TEXT'],
      ['unix_time', 'INTEGER'],
      ['timestamp', 'TEXT'],
      ['datetime', 'TEXT'],
      ['iso_8601', 'TEXT'],
    ],
    columnAliases: { date_time: 'datetime' },
    attributes: 1,
    generate: () => {
      const now = state.now();
      const date = new Date(now);
      const iso = `${date.toISOString().slice(0, 19)}Z`;
      return [
        {
          weekday: DAYS[date.getUTCDay()]!,
          year: String(date.getUTCFullYear()),
          month: String(date.getUTCMonth() + 1),
          day: String(date.getUTCDate()),
          hour: String(date.getUTCHours()),
          minutes: String(date.getUTCMinutes()),
          seconds: String(date.getUTCSeconds()),
          timezone: 'UTC',
          local_timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          unix_time: String(Math.floor(now / 1000)),
          timestamp: asciiTime(now),
          datetime: iso,
          iso_8601: iso,
        },
      ];
    },
  });

export const coreTables = (state: CoreState): readonly NativeTable[] => [
  registryTable(state),
  extensionsTable(state),
  flagsTable(state),
  scheduleTable(state),
  packsTable(state),
  infoTable(state),
  timeTable(state),
];
