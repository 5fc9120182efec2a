import type { AuditEvent } from './audit-event.ts';

/**
 * prctl(2): a process that can make user namespaces can make the kernel report any program as its own. Source:
 * linux/prctl.h.
 */
export const PR_SET_MM = 35;
export const PR_SET_MM_MAP = 14;

/** audit's id where nobody has logged in. */
const UNSET_ID = 0xffffffff;
/** Ids from here on are assigned to user namespaces, so one user has many of them. */
const SUBORDINATE = 0x10000;
/** Most claimed programs that are remembered. A user who claims more is not believed at all. */
const MAX_PATHS = 1_024;
const MAX_CLAIMANTS = 4_096;

/** Who made a system call, and the program that the kernel reports for him. */
export interface Claim {
  readonly auid: number;
  readonly uid: number;
  readonly exe: string | undefined;
}

/**
 * Programs that users have made the kernel report instead of the real ones. After such a claim, the user is no longer
 * believed about that program in any of his processes, because nobody can tell which of them inherited the claim.
 * Other users are believed.
 */
export class ClaimedPaths {
  readonly #claimants = new Map<string, Set<number | string>>();
  /** Users who are not believed at all. */
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

  /** The event, without a program that may only be claimed. For the exec itself, the kernel reports the truth. */
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

/**
 * A login cannot be changed, so it identifies the user. Without a login the uid does; ids of a namespace count as
 * one, because its maker can use all of them.
 */
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
