import { LRUCache } from 'lru-cache';
import { type CgroupMembership, parseCgroup } from '../procfs/cgroup.ts';
import { type Container, findContainer } from './container-id.ts';

/** The facts in a cgroup file. */
export interface CgroupFacts {
  /** The path in the unified hierarchy; if that is unused, in systemd's; else the longest one. */
  readonly path: string | undefined;
  readonly container: Container | null;
  /**
   * A process that ends would have such a file, too: in hierarchies of version 1 the kernel moves it to the root, and
   * only in the unified one it keeps its place. Source: proc_cgroup_show in kernel/cgroup/cgroup.c.
   */
  readonly mayBeOfEnding: boolean;
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
    const facts = cgroupFacts(parseCgroup(bytes));
    this.#facts.set(key, facts);
    return facts;
  }
}

/** The facts in the cgroups that a process is in, one of each hierarchy. */
export const cgroupFacts = (memberships: readonly CgroupMembership[]): CgroupFacts => {
  const container = findContainer(memberships);
  return {
    path: mainPath(memberships),
    container,
    mayBeOfEnding: container === null && isAtOldRoots(memberships),
  };
};

const isAtOldRoots = (memberships: readonly CgroupMembership[]): boolean => {
  const old = memberships.filter(({ hierarchy }) => hierarchy !== 0);
  return old.length > 0 && old.every(({ path }) => path === '/');
};

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
