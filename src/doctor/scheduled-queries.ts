import type { ReadFacts, ScheduledQuery } from './facts.ts';
import { effectiveFlag } from './flag-view.ts';

export type ScheduleView =
  | {
      readonly kind: 'known';
      /** Where the schedule comes from, for messages. */
      readonly from: string;
      readonly queries: readonly ScheduledQuery[];
    }
  | { readonly kind: 'unknown'; readonly why: string; readonly fix: string };

/** The schedule of the running osquery, or else the one in its configuration file. */
export const scheduledQueries = (facts: Pick<ReadFacts, 'flags' | 'core' | 'config'>): ScheduleView => {
  const { core, config } = facts;
  if (core.kind === 'running' && core.schedule !== undefined)
    return { kind: 'known', from: 'the running osquery', queries: core.schedule };
  const plugin = effectiveFlag(facts, 'config_plugin');
  if (plugin !== undefined && plugin !== 'filesystem') {
    return {
      kind: 'unknown',
      why: `the configuration comes from --config_plugin=${plugin}, not from a file`,
      fix: 'give --socket PATH of the running osquery, which knows its schedule',
    };
  }
  if (config.kind === 'read') return { kind: 'known', from: config.path, queries: config.queries };
  return {
    kind: 'unknown',
    why:
      config.kind === 'missing'
        ? `there is no configuration at ${config.path}`
        : `${config.path} cannot be read: ${config.why}`,
    fix:
      config.kind === 'missing'
        ? `put tables/packs/osquery.conf there with its packs, or name yours with --config_path`
        : 'run the doctor as root',
  };
};
