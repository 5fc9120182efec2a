/**
 * Which queries of a configuration run on this host, under which names, and when.
 *
 * Source: osquery 5.23 `config/packs.cpp`, `config/config.cpp` (getQueryName), `core/system.cpp` (checkPlatform).
 */
import { createHash } from 'node:crypto';
import { CORE_VERSION } from '../core-tables.ts';
import type { CoreDatabase } from '../database.ts';
import type { Configuration, PackDefinition } from './configuration.ts';

export interface ScheduledQuery {
  /** The name in results and in the database: `pack_PACK_QUERY`, or the bare name in the main schedule. */
  readonly name: string;
  readonly pack: string;
  readonly query: string;
  /** Seconds, as configured. */
  readonly interval: number;
  /** Seconds, shifted a little so that the queries of a fleet do not all run at once. */
  readonly splayedInterval: number;
  readonly snapshot: boolean;
  readonly removed: boolean;
  readonly discovery: readonly string[];
}

export interface Host {
  readonly platform: NodeJS.Platform;
  readonly hostname: string;
}

const SETTINGS = 'configurations';

/** Whether a platform restriction, `linux,darwin` for example, includes this platform. */
export const matchesPlatform = (restriction: string, platform: NodeJS.Platform): boolean => {
  if (restriction === '' || restriction === 'null' || /any|all/.test(restriction)) return true;
  if (platform === 'linux' && /linux|ubuntu|centos/.test(restriction)) return true;
  if (platform !== 'win32' && restriction.includes('posix')) return true;
  return restriction.includes(platform);
};

/** Whether core is at least of this version. Parts that one of them lacks count as equal. */
export const isVersionAtLeast = (required: string, version: string): boolean => {
  if (required === '' || required === 'null' || required === '0.0.0') return true;
  const wanted = required.split('.').map(part => Number.parseInt(part, 10) || 0);
  for (const [index, part] of version.split('.').entries()) {
    const limit = wanted[index];
    if (limit === undefined) return true;
    const number = Number.parseInt(part, 10) || 0;
    if (number !== limit) return number > limit;
  }
  return true;
};

/** The host's shard, from 0 to 99, derived from its name. */
const shardOf = (hostname: string): number => {
  const first = createHash('sha1').update(hostname).digest()[0]!;
  return Math.floor((first * 100) / 255);
};

const applies = (item: Pick<PackDefinition, 'platform' | 'version' | 'shard'>, host: Host): boolean =>
  matchesPlatform(item.platform, host.platform) &&
  isVersionAtLeast(item.version, CORE_VERSION) &&
  (item.shard <= 0 || item.shard >= shardOf(host.hostname));

/** An interval shifted by up to `percent`, up or down; `random` is from 0 to 1. */
export const splay = (interval: number, percent: number, random: number): number => {
  if (percent <= 0 || percent > 100) return interval;
  const difference = Math.floor((interval * percent) / 100);
  const lowest = Math.max(1, interval - difference);
  return lowest + Math.floor(random * (interval + difference - lowest + 1));
};

/** The interval as it was shifted the last time; or a new shift, which is remembered. */
const rememberedSplay = (
  database: CoreDatabase,
  { name, interval }: { readonly name: string; readonly interval: number },
  percent: number,
  random: () => number,
): number => {
  const [, was, moved] = /^(\d+):([1-9]\d*)$/.exec(database.get(SETTINGS, `interval.${name}`) ?? '') ?? [];
  if (moved !== undefined && Number(was) === interval) return Number(moved);
  const fresh = splay(interval, percent, random());
  database.put(SETTINGS, `interval.${name}`, `${interval}:${fresh}`);
  return fresh;
};

export const buildSchedule = (options: {
  readonly configuration: Configuration;
  readonly database: CoreDatabase;
  readonly host: Host;
  readonly packDelimiter: string;
  /** Core's `schedule_splay_percent`. */
  readonly splayPercent: number;
  /** Runs every query at this interval instead of its own, as a faster clock for tests. */
  readonly everySeconds?: number | undefined;
  readonly random?: () => number;
}): ScheduledQuery[] => {
  const { configuration, database, host, packDelimiter, everySeconds } = options;
  const schedule: ScheduledQuery[] = [];
  for (const pack of configuration.packs) {
    if (!applies(pack, host)) continue;
    for (const query of pack.queries) {
      if (!applies(query, host)) continue;
      const name = pack.name === 'main' ? query.name : ['pack', pack.name, query.name].join(packDelimiter);
      const interval = everySeconds ?? query.interval;
      const splayedInterval =
        everySeconds ??
        // As in core, a percentage of 0 or 1 is taken for a mistake.
        rememberedSplay(
          database,
          { name: query.name, interval },
          options.splayPercent <= 1 ? 10 : options.splayPercent,
          options.random ?? Math.random,
        );
      const { snapshot, removed } = query;
      schedule.push({
        name,
        pack: pack.name,
        query: query.query,
        interval,
        splayedInterval,
        snapshot,
        removed,
        discovery: pack.discovery,
      });
    }
  }
  return schedule;
};
