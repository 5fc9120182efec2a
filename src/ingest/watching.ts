import type { RuleSelection } from '../audit/control/rules.ts';
import type { AuditSession } from '../audit/control/session.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { WatchedPaths } from '../flags/watched-paths.ts';
import { planExclusions } from './plan-exclusions.ts';
import { planWatches, type WatchPlan } from './plan-watches.ts';

/** Milliseconds after which wildcards are expanded again, and missing paths are looked for. */
const LOOK_MS = 60_000;

/** What the last look found for a value of the settings. */
interface Planned<Of, Plan> {
  readonly of: Of;
  readonly at: number;
  readonly plan: Plan;
}

const NO_WATCHES: WatchPlan = { watches: [], problems: [] };

/**
 * Determines what the kernel must record for some settings, including the watched files, and which programs it leaves
 * out. Each problem is reported once.
 */
export class Watching {
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  readonly #plan: (watched: WatchedPaths) => Promise<WatchPlan>;
  readonly #planExes: (exes: readonly string[]) => Promise<readonly string[]>;
  readonly #told = new Set<string>();
  #planned: Planned<WatchedPaths, WatchPlan> | undefined;
  #plannedExes: Planned<string, readonly string[]> | undefined;
  #selection: RuleSelection | undefined;

  constructor(
    warn: (message: string) => void,
    {
      now = () => performance.now(),
      plan = planWatches as (watched: WatchedPaths) => Promise<WatchPlan>,
      planExes = planExclusions as (exes: readonly string[]) => Promise<readonly string[]>,
    } = {},
  ) {
    this.#warn = warn;
    this.#now = now;
    this.#plan = plan;
    this.#planExes = planExes;
  }

  /** The present selection. */
  get selection(): RuleSelection | undefined {
    return this.#selection;
  }

  async selectionOf(settings: AuditSettings): Promise<RuleSelection> {
    const { watches, problems } = await this.#planOf(settings);
    for (const problem of problems) this.#tell(problem);
    this.#selection = {
      processEvents: settings.allowProcessEvents,
      forkProcessEvents: settings.allowForkProcessEvents,
      killProcessEvents: settings.allowKillProcessEvents,
      sockets: settings.allowSockets,
      acceptSocketEvents: settings.allowAcceptSocketEvents,
      failedSocketEvents: settings.allowFailedSocketEvents,
      nullAcceptSocketEvents: settings.allowNullAcceptSocketEvents,
      datagrams: settings.datagrams,
      excludeUids: settings.exclude.uids,
      excludeAuids: settings.exclude.auids,
      excludeExes: await this.#exesOf(settings),
      watches,
      fileAccesses: settings.fimShowAccesses,
    };
    return this.#selection;
  }

  /** Reports rules that the kernel has refused. */
  tellOf({ refusedWatches }: Pick<AuditSession, 'refusedWatches'>): void {
    if (refusedWatches === undefined) return;
    const { count, why } = refusedWatches;
    this.#tell(
      `the kernel has refused ${count} of the rules for process_file_events; the others are in place: ${why}`,
    );
  }

  async #planOf({ allowFimEvents, watched }: AuditSettings): Promise<WatchPlan> {
    if (!allowFimEvents || watched === undefined) return NO_WATCHES;
    const known = this.#planned;
    const now = this.#now();
    const isSame = known?.of === watched;
    if (isSame && now - known.at < LOOK_MS) return known.plan;
    const plan = await this.#plan(watched);
    this.#planned = { of: watched, at: now, plan };
    return plan;
  }

  async #exesOf({ exclude: { exes } }: AuditSettings): Promise<readonly string[]> {
    if (exes.length === 0) return exes;
    const known = this.#plannedExes;
    const now = this.#now();
    const of = exes.join();
    if (known?.of === of && now - known.at < LOOK_MS) return known.plan;
    const plan = await this.#planExes(exes);
    this.#plannedExes = { of, at: now, plan };
    return plan;
  }

  #tell(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#warn(message);
  }
}
