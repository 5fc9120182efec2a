import { LRUCache } from 'lru-cache';
import { type CgroupMembership, parseCgroup } from '../procfs/cgroup.ts';
import { type Container, findContainer } from './container-id.ts';

/** The facts in a cgroup file. */
export interface CgroupFacts {
  /** The path in the unified hierarchy; if that is unused, in systemd's; else the longest one. */
  readonly path: string | undefined;
  readonly container: Container | null;
}

/** Most distinct cgroup files that are remembered: processes of one service or container share theirs. */
export const MAX_CGROUP_FACTS = 1024;

/** Reads each distinct cgroup file once. */
export class CgroupFactsCache {
  readonly #facts = new LRUCache<string, CgroupFacts>({ max: MAX_CGROUP_FACTS });

  of(bytes: Buffer): CgroupFacts {
    const key = bytes.toString('latin1');
    const known = this.#facts.get(key);
    if (known !== undefined) return known;
    const memberships = parseCgroup(bytes);
    const facts = { path: mainPath(memberships), container: findContainer(memberships) };
    this.#facts.set(key, facts);
    return facts;
  }
}

const mainPath = (memberships: readonly CgroupMembership[]): string | undefined => {
  const unified = memberships.find(({ hierarchy, path }) => hierarchy === 0 && path !== '/');
  const systemd = memberships.find(
    ({ controllers, path }) => controllers.includes('name=systemd') && path !== '/',
  );
  const longest = memberships.reduce<string | undefined>(
    (best, { path }) => (best === undefined || path.length > best.length ? path : best),
    undefined,
  );
  return unified?.path ?? systemd?.path ?? longest;
};
