import { auditFlags, auditSwitches, eventFlags } from './audit-flags.ts';
import type { AuditMode, BpfMode, LimitName } from './custom-options.ts';
import { auditModes, bpfModes, CUSTOM_PREFIX, customOptions, limitOptions } from './custom-options.ts';
import { type Exclusions, readExclusions } from './exclusions.ts';
import { flagTable } from './flag-definition.ts';
import { quoteText } from './flag-error.ts';
import { parseFlagValue } from './flag-value.ts';
import { nearestName } from './nearest-name.ts';
import type { WatchedPaths } from './watched-paths.ts';

/** Key of a flag that says which events are recorded. */
export type AuditSwitch = keyof typeof auditSwitches;

/** Which events are recorded. */
export type AuditSwitches = Readonly<Record<AuditSwitch, boolean>>;

/** All settings of the audit subscriber, the tables and their buffers, in one readonly object. */
export interface AuditSettings extends AuditSwitches {
  readonly allowConfig: boolean;
  readonly persist: boolean;
  readonly forceReconfigure: boolean;
  readonly forceUnconfigure: boolean;
  readonly backlogLimit: number;
  /** In kernel ticks. */
  readonly backlogWaitTime: number;
  readonly debug: boolean;
  readonly eventsOptimize: boolean;
  /** Seconds. */
  readonly eventsExpiry: number;
  /** Rows per table. */
  readonly eventsMax: number;
  readonly mode: AuditMode;
  /** Whether rows of process_telemetry_events are made. */
  readonly telemetry: boolean;
  /** Whether the local end of connections is looked up. */
  readonly socketLookup: boolean;
  /** Whether BPF programs are used. */
  readonly bpf: BpfMode;
  /** Programs and users whose events are left out. */
  readonly exclude: Exclusions;
  /** Whether datagrams that are sent to an address become events. */
  readonly datagrams: boolean;
  /** Whether an orderly end is bridged too. */
  readonly bridgesStop: boolean;
  /** Directory that keeps buffered events over a restart; empty: none. */
  readonly stateDirectory: string;
  readonly limits: Readonly<Record<LimitName, number>>;
  /**
   * The paths that process_file_events watches. undefined if there is no configuration, as with recorded events: then
   * all paths.
   */
  readonly watched?: WatchedPaths | undefined;
}

export interface AuditSettingsReading {
  readonly settings: AuditSettings;
  /** One line for each value that could not be used, and for each unknown `custom_audit_…` name. */
  readonly warnings: readonly string[];
}

const settingFlags = flagTable(auditFlags, eventFlags, customOptions);

type SettingFlag = (typeof auditFlags)[number]['name'] | (typeof eventFlags)[number]['name'];

/**
 * Makes settings from flag values by name, which come from the command line or from core's `options()`. A missing
 * value gets its default; a malformed one gets its default and a warning; names of other flags are ignored. Never
 * throws. Counts beyond 2^53 - 1 are taken as 2^53 - 1.
 */
export const readAuditSettings = (values: ReadonlyMap<string, string>): AuditSettingsReading => {
  const warnings: string[] = [];
  const text = (name: string): string => settingText(name, values.get(name), warnings);
  const settings = { ...settingsFrom(text), exclude: readExclusions(text, warnings) };
  for (const name of values.keys()) {
    if (name.startsWith(CUSTOM_PREFIX) && !settingFlags.has(name)) warnings.push(unknownOption(name));
  }
  return { settings, warnings };
};

/** The canonical text of a flag's value, or of its default where the value cannot be used. */
const settingText = (name: string, raw: string | undefined, warnings: string[]): string => {
  const definition = settingFlags.get(name)!;
  if (raw === undefined) return definition.defaultValue;
  const value = parseFlagValue(definition, raw);
  if (value.kind === 'value') return value.text;
  warnings.push(
    `option ${name}: expected ${value.expected}, got ${value.got}; ${quoteText(definition.defaultValue)} is used`,
  );
  return definition.defaultValue;
};

const settingsFrom = (text: (name: string) => string): Omit<AuditSettings, 'exclude'> => {
  const bool = (name: SettingFlag): boolean => text(name) === 'true';
  const count = (name: SettingFlag): number => Math.min(Number(text(name)), Number.MAX_SAFE_INTEGER);

  const switches = Object.fromEntries(
    Object.entries(auditSwitches).map(([key, { name }]) => [key, text(name) === 'true']),
  ) as Record<AuditSwitch, boolean>;
  const modeText = text(`${CUSTOM_PREFIX}mode`);
  const limits = Object.fromEntries(
    Object.entries(limitOptions).map(([key, { name }]) => [key, Number(text(name))]),
  ) as Record<LimitName, number>;
  return {
    allowConfig: bool('audit_allow_config'),
    persist: bool('audit_persist'),
    ...switches,
    forceReconfigure: bool('audit_force_reconfigure'),
    forceUnconfigure: bool('audit_force_unconfigure'),
    backlogLimit: count('audit_backlog_limit'),
    backlogWaitTime: count('audit_backlog_wait_time'),
    debug: bool('audit_debug'),
    eventsOptimize: bool('events_optimize'),
    eventsExpiry: count('events_expiry'),
    eventsMax: count('events_max'),
    mode: auditModes.find(mode => mode === modeText) ?? 'auto',
    telemetry: text(`${CUSTOM_PREFIX}telemetry`) === 'true',
    socketLookup: text(`${CUSTOM_PREFIX}socket_lookup`) === 'true',
    bpf: bpfModes.find(mode => mode === text(`${CUSTOM_PREFIX}bpf`)) ?? 'auto',
    datagrams: text(`${CUSTOM_PREFIX}datagrams`) === 'true',
    bridgesStop: text(`${CUSTOM_PREFIX}bridge_stop`) === 'true',
    stateDirectory: stateDirectoryOf(text(`${CUSTOM_PREFIX}state_dir`)),
    limits,
  };
};

const unknownOption = (name: string): string => {
  const near = nearestName(
    name,
    customOptions.map(option => option.name),
  );
  return `option ${quoteText(name)} is unknown and ignored${near === undefined ? '' : ` (did you mean ${near}?)`}`;
};

const stateDirectoryOf = (text: string): string => (text === 'none' ? '' : text);
