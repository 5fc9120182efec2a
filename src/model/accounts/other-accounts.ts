import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Place } from '../process/place.ts';
import { type Account, localAccount } from './account.ts';
import type { AccountsRequest, SeenAccounts } from './look-at-accounts.ts';

/** Most places, and most uids of each, that are remembered. */
const MAX_PLACES = 256;
const MAX_UIDS = 1_024;
/** Milliseconds that an answer is valid; and that a missing one is. */
const FRESH_MS = 60_000;
const FAILED_MS = 5_000;

/** Looks up accounts elsewhere; undefined if it does not. */
export type AskAccounts = (
  request: AccountsRequest,
  owner: number,
) => Promise<SeenAccounts | undefined> | undefined;

/** A uid in the process's own view. */
export interface OtherAccount {
  readonly account: Account | undefined;
  readonly inner: number | undefined;
}

export type OtherAnswer = ReadonlyMap<number, OtherAccount> | 'host' | undefined;

interface Remembered {
  readonly until: number;
  readonly isHost: boolean;
  readonly accounts: Map<number, OtherAccount>;
}

/**
 * Accounts of processes whose root directory differs from the host's, such as in containers. A process that can be
 * given up looks at them, once for all processes in the same place.
 */
export class OtherAccounts {
  readonly #clock: Clock;
  readonly #ask: AskAccounts;
  readonly #places = new LRUCache<string, Remembered>({ max: MAX_PLACES });
  readonly #asking = new Map<string, Promise<OtherAnswer>>();

  constructor(clock: Clock, ask: AskAccounts) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /**
   * @param witness a living process in that place; undefined if none is known
   * @returns `host` if the accounts there are the host's; undefined if they cannot be read
   */
  find(
    place: Place,
    witness: number | undefined,
    uids: readonly number[],
    owner: number,
  ): OtherAnswer | Promise<OtherAnswer> {
    const key = `${place.mount} ${place.root} ${place.user}`;
    const known = this.#places.get(key);
    if (known !== undefined && known.until > this.#clock.monotonicMs()) {
      if (known.isHost) return 'host';
      if (uids.every(uid => known.accounts.has(uid))) return known.accounts;
    }
    if (witness === undefined) return undefined;
    const question = `${key} ${uids.join(' ')}`;
    const asking = this.#asking.get(question);
    if (asking !== undefined) return asking;
    const asked = this.#ask({ pid: witness, mount: place.mount, uids }, owner);
    if (asked === undefined) return undefined;
    const answer = asked
      .then(seen => this.#take(key, uids, seen))
      .finally(() => this.#asking.delete(question));
    this.#asking.set(question, answer);
    return answer;
  }

  #take(key: string, uids: readonly number[], seen: SeenAccounts | undefined): OtherAnswer {
    const now = this.#clock.monotonicMs();
    const before = this.#places.get(key);
    const isFresh = before !== undefined && before.until > now && before.accounts.size < MAX_UIDS;
    const accounts = isFresh ? before.accounts : new Map<number, OtherAccount>();
    if (seen === undefined) {
      for (const uid of uids) accounts.set(uid, { account: undefined, inner: undefined });
      if (!isFresh) this.#places.set(key, { until: now + FAILED_MS, isHost: false, accounts });
      return undefined;
    }
    for (const { uid, inner, name } of seen.accounts) {
      const account = name === undefined ? undefined : localAccount(name, seen.hostName);
      accounts.set(uid, { account, inner });
    }
    const until = isFresh ? before.until : now + FRESH_MS;
    this.#places.set(key, { until, isHost: seen.isHost, accounts });
    return seen.isHost ? 'host' : accounts;
  }
}
