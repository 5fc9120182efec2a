import type { ModelCounters } from './event-model.ts';
import type { HashClientCounters } from './hash/hash-client.ts';
import type { SourceCounters } from './source-runner.ts';
import type { TelemetryModel } from './telemetry-model.ts';

/** The Event Model's counters, as plain data. */
export interface TelemetryCounters extends ModelCounters {
  readonly inFlight: number;
  /** Fields that stayed NULL because a source failed, was slow, or was skipped: calls of all sources together. */
  readonly failed: number;
  readonly slow: number;
  readonly skipped: number;
  /** By name. */
  readonly sources: Readonly<Record<string, SourceCounters>>;
  /** undefined for recorded events, which have only what they contain themselves. */
  readonly live:
    | {
        readonly hashes: HashClientCounters;
        /** Remembered processes, and those forgotten for want of room. */
        readonly processes: number;
        readonly processesForgotten: number;
        /** Whether every fork is seen, and how often the kernel's process connector overflowed. */
        readonly seesForks: boolean;
        readonly connectorOverruns: number;
        /** Why there is no process connector. */
        readonly connectorError: string | undefined;
        readonly accountsFailed: number;
        readonly accountsRefused: number;
      }
    | undefined;
}

export const telemetryCounters = ({ model, services }: TelemetryModel): TelemetryCounters => {
  const sources = [...model.sources].map(([name, counters]) => [name, { ...counters }] as const);
  const sum = (of: 'failed' | 'slow' | 'skipped'): number =>
    sources.reduce((total, [, counters]) => total + counters[of], 0);
  return {
    ...model.counters,
    inFlight: model.inFlight,
    failed: sum('failed'),
    slow: sum('slow'),
    skipped: sum('skipped'),
    sources: Object.fromEntries(sources),
    live: services && {
      hashes: services.hasher.counters,
      processes: services.tree.size,
      processesForgotten: services.tree.counters.forgotten,
      seesForks: services.tree.seesForks,
      connectorOverruns: services.connector.overruns,
      connectorError: services.connector.error,
      accountsFailed: services.accounts.counters.failed,
      accountsRefused: services.accounts.counters.refused,
    },
  };
};
