import type { Schedule } from 'osquery-extension-ts/events';
import { eventTables } from '../../../tables/index.ts';
import type { EventStore } from '../event-store.ts';
import { adviseOnCore, type CoreFacts } from './core-advice.ts';
import type { CoreSettings } from './core-settings.ts';
import type { OperatorLog } from './operator-log.ts';

/** Facts about core, and where to report problems. */
export interface WarnedOfCore {
  readonly atStart: CoreSettings;
  readonly nativeTables: CoreFacts['nativeTables'];
  /** For each of our tables, by standard name, its registered names. */
  readonly registeredNames: ReadonlyMap<string, readonly string[]>;
  readonly log: OperatorLog;
}

/**
 * Warns about problems in core's settings, now and each time they change.
 *
 * @returns a function to call with settings read again
 */
export const warnAboutCore = ({
  atStart,
  nativeTables,
  registeredNames,
  log,
}: WarnedOfCore): ((now: CoreSettings) => void) => {
  const factsOf = ({ options, settings }: CoreSettings): CoreFacts => {
    // A table that is switched off is empty under any name.
    const off = eventTables.filter(({ flag }) => !settings[flag]).map(({ spec }) => spec.name);
    return {
      options,
      nativeTables,
      standardNames: eventTables.map(({ spec }) => spec.name).filter(name => !off.includes(name)),
      registeredNames: [...registeredNames].flatMap(([name, names]) => (off.includes(name) ? [] : [names])),
    };
  };
  let lastWarnings: readonly (string | undefined)[] = [];
  const see = (now: CoreSettings): void => {
    const warnings = [...now.warnings, adviseOnCore(factsOf(now))];
    for (const warning of warnings)
      if (warning !== undefined && !lastWarnings.includes(warning)) log.warn(warning);
    lastWarnings = warnings;
  };
  see(atStart);
  return see;
};

/** Takes over changes in core's schedule. Waits for the queries of a tick: see Schedule. */
export const followSchedule = async (
  schedule: Schedule,
  store: EventStore,
  signal: AbortSignal,
): Promise<void> => {
  const number = await schedule.refresh(signal);
  if (!schedule.isKnown) return;
  store.follow({ number, names: schedule.names, readersOf: names => schedule.readersOf(names) ?? [] });
};
