import type { AuditEvent } from './audit-event.ts';

/** prctl(2): who may make user namespaces can have the kernel name any program as the one that his process runs. Source: linux/prctl.h. */
export const PR_SET_MM = 35;
export const PR_SET_MM_MAP = 14;

/** What audit writes where nobody has logged in. */
const UNSET_ID = 0xffffffff;
/** From here on ids are handed out to user namespaces: a user has many of them. */
const SUBORDINATE = 0x10000;
/** Programs that are claimed at one time; whoever claims more is not believed anything. */
const MAX_PATHS = 1_024;
const MAX_CLAIMANTS = 4_096;

/** Who made a system call, and what the kernel says that he runs. */
export interface Claim {
  readonly auid: number;
  readonly uid: number;
  readonly exe: string | undefined;
}

/**
 * Programs that somebody has the kernel name in place of what he runs. Whoever did so once is not believed about such a program
 * any more, in any of his processes: which of them have it from the one that did it, nobody tells. Others are.
 */
export class ClaimedPaths {
  readonly #claimants = new Map<string, Set<number | string>>();
  /** Those who are not believed anything. */
  readonly #liars = new Set<number | string>();

  get isEmpty(): boolean {
    return this.#claimants.size === 0;
  }

  add(claim: Claim): void {
    const { exe } = claim;
    if (exe === undefined) return;
    const known = this.#claimants.get(exe);
    if (known === undefined && this.#claimants.size >= MAX_PATHS) {
      addBounded(this.#liars, claimant(claim));
      return;
    }
    const claimants = known ?? new Set();
    addBounded(claimants, claimant(claim));
    this.#claimants.set(exe, claimants);
  }

  /** The event, without a program that may only be claimed. What an exec began is as the kernel said then. */
  withoutClaims<Event extends AuditEvent>(event: Event): Event {
    if (event.kind !== 'process' && event.kind !== 'socket' && event.kind !== 'file') return event;
    if (event.kind === 'process' && event.action === 'exec') return event;
    const { exe, auid, uid } = event;
    if (exe === undefined || auid === undefined || uid === undefined) return event;
    const claimants = this.#claimants.get(exe);
    const isClaimed = (claimants !== undefined && isOf(claimants, auid, uid)) || isOf(this.#liars, auid, uid);
    if (!isClaimed) return event;
    return event.kind === 'process'
      ? { ...event, exe: undefined, path: undefined }
      : { ...event, exe: undefined };
  }
}

const ANYBODY = 'anybody without a login';

/** Who logged in cannot change that. Without a login it is the user; ids of a namespace can become those of who made it. */
const claimant = ({ auid, uid }: Claim): number | string =>
  auid !== UNSET_ID ? `login ${auid}` : uid < SUBORDINATE ? uid : ANYBODY;

const isOf = (claimants: ReadonlySet<number | string>, auid: number, uid: number): boolean => {
  if (claimants.size === 0) return false;
  if (auid !== UNSET_ID) return claimants.has(`login ${auid}`);
  if (claimants.has(uid)) return true;
  if (uid === 0) return false;
  return claimants.has(ANYBODY) || (uid >= SUBORDINATE && hasUser(claimants));
};

const hasUser = (claimants: ReadonlySet<number | string>): boolean => {
  for (const one of claimants) if (typeof one === 'number') return true;
  return false;
};

const addBounded = (claimants: Set<number | string>, one: number | string): void => {
  claimants.add(one);
  if (claimants.size <= MAX_CLAIMANTS) return;
  const [oldest] = claimants;
  claimants.delete(oldest!);
};
