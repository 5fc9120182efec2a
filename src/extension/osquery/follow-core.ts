import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { auditFlags, eventFlags } from '../../flags/audit-flags.ts';
import { customOptions, limitOptions } from '../../flags/custom-options.ts';
import type { EventSource } from '../../ingest/audit-source.ts';
import type { EventStore } from '../event-store.ts';
import { adviseOnCore, type CoreFacts } from './core-advice.ts';
import { type CoreSettings, readCoreSettings } from './core-settings.ts';
import type { OperatorLog } from './operator-log.ts';
import type { Schedule } from './schedule.ts';

/** What a core that is followed was like at the start, and who is to hear of what changes. */
export interface FollowedCore {
  readonly client: ExtensionManagerClient;
  /** Flags given by hand: they win over core's. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly atStart: CoreSettings;
  readonly tables: Omit<CoreFacts, 'options'>;
  readonly log: OperatorLog;
  readonly store: EventStore;
  readonly source: EventSource;
}

/**
 * Warns about what is wrong in core's settings as they are, or have become, each time it changes.
 *
 * @returns what to do with settings read anew
 */
export const warnAboutCore = ({
  overrides,
  atStart,
  tables,
  log,
}: Pick<FollowedCore, 'overrides' | 'atStart' | 'tables' | 'log'>): ((now: CoreSettings) => void) => {
  let lastWarnings: readonly (string | undefined)[] = [];
  const see = (now: CoreSettings): void => {
    const warnings = [
      ...now.warnings,
      adviseOnCore({ options: now.options, ...tables }),
      waitingForStart(atStart.options, now.options, overrides),
    ];
    for (const warning of warnings)
      if (warning !== undefined && !lastWarnings.includes(warning)) log.warn(warning);
    lastWarnings = warnings;
  };
  see(atStart);
  return see;
};

/** Takes over what has changed in core's schedule since the last time. Waits for the queries of a tick: see Schedule. */
export const followSchedule = async (
  schedule: Schedule,
  store: EventStore,
  signal: AbortSignal,
): Promise<void> => {
  const number = await schedule.refresh(signal);
  if (!schedule.isKnown) return;
  store.follow({ number, names: schedule.names, readersOf: names => schedule.readersOf(names) ?? [] });
};

/** @returns what takes over what has changed in core's options since the last time */
export const followCore = (
  { client, overrides, atStart, store, source }: FollowedCore,
  onSettings: (now: CoreSettings) => void,
): (() => Promise<void>) => {
  let known = JSON.stringify(atStart.settings);
  return async () => {
    const core = await readCoreSettings(client, overrides);
    onSettings(core);
    const now = JSON.stringify(core.settings);
    if (now === known) return;
    known = now;
    store.setSettings(core.settings);
    await source.setSettings(core.settings);
  };
};

/** What setSettings of the buffers and of the source bring into force. */
const AT_ONCE: ReadonlySet<string> = new Set([
  'audit_allow_process_events',
  'audit_allow_fork_process_events',
  'audit_allow_kill_process_events',
  'audit_allow_sockets',
  'audit_allow_accept_socket_events',
  'audit_allow_failed_socket_events',
  'audit_allow_null_accept_socket_events',
  'audit_allow_unix',
  'audit_allow_user_events',
  'audit_persist',
  'audit_debug',
  'events_optimize',
  'events_expiry',
  'events_max',
  limitOptions.bufferBytes.name,
  // Without meaning for us.
  'disable_events',
]);

const startOptions = [...auditFlags, ...eventFlags, ...customOptions]
  .map(({ name }) => name)
  .filter(name => !AT_ONCE.has(name));

/** Changes that only the next start brings into force; undefined if there are none. */
const waitingForStart = (
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
  overrides: ReadonlyMap<string, string>,
): string | undefined => {
  const changed = startOptions.filter(name => !overrides.has(name) && before.get(name) !== now.get(name));
  return changed.length === 0
    ? undefined
    : `${changed.join(', ')} changed: in force when osqueryd is started again`;
};
