import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../../runtime/message-of.ts';
import type { Clock } from '../clock.ts';
import { TokenBucket } from '../token-bucket.ts';
import { type Account, localAccount, splitAccount } from './account.ts';
import { type AskNss, MAX_UIDS } from './getent.ts';
import { parsePasswd } from './passwd.ts';
import { parseSubordinateUids, rangeOf, type UidRange } from './subordinate-uids.ts';

export interface AccountsLimits {
  /** Most NSS answers that are remembered, including missing accounts. */
  readonly maxRemembered: number;
  /** Most NSS questions at once; each is a process, for up to MAX_UIDS uids. */
  readonly maxRunning: number;
  /** Most of them per second: a process costs two milliseconds of CPU. */
  readonly maxPerSecond: number;
  /** Most uids that wait; further ones get no answer. */
  readonly maxWaiting: number;
  /** How long an answer is valid: a name, a missing account, a failure of NSS. */
  readonly foundMs: number;
  readonly missingMs: number;
  readonly failedMs: number;
  /** How often the passwd file is checked for changes. */
  readonly checkMs: number;
  /** Larger files of accounts are not read. */
  readonly maxPasswdBytes: number;
}

export const ACCOUNTS_LIMITS: AccountsLimits = {
  maxRemembered: 4096,
  maxRunning: 2,
  maxPerSecond: 5,
  maxWaiting: 256,
  foundMs: 600_000,
  missingMs: 60_000,
  failedMs: 10_000,
  checkMs: 1000,
  maxPasswdBytes: 8_388_608,
};

export interface AccountsOptions {
  readonly clock: Clock;
  readonly hostName: () => string | undefined;
  /** undefined: only the passwd file is asked. */
  readonly askNss?: AskNss | undefined;
  readonly passwdPath?: string;
  readonly subuidPath?: string;
  readonly limits?: Partial<AccountsLimits>;
}

interface Remembered {
  readonly account: Account | undefined;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/**
 * Accounts by uid, with the host's names: first from the passwd file, which costs nothing, then from NSS. NSS is
 * asked once per uid for all who ask at the same time, for many uids at once, and a limited number of times per
 * second. A changed passwd file invalidates all answers.
 *
 * Uids of user namespaces (/etc/subuid) belong to no account: a user has tens of thousands of them, and NSS is not
 * asked.
 */
export class Accounts {
  readonly counters = { asked: 0, failed: 0, refused: 0, lastError: undefined as string | undefined };
  readonly #clock: Clock;
  readonly #hostName: () => string | undefined;
  readonly #askNss: AskNss | undefined;
  readonly #limits: AccountsLimits;
  readonly #passwd: WatchedFile;
  readonly #subuid: WatchedFile;
  #local: ReadonlyMap<number, string> = new Map();
  #namespaces: readonly UidRange[] = [];
  /** Accounts of the passwd file that were asked for. */
  readonly #localAccounts = new Map<number, Account>();
  #checkedAt = Number.NEGATIVE_INFINITY;
  readonly #remembered = new Map<number, Remembered>();
  /** Uids whose answer will come, and those that NSS has not been asked for yet. */
  readonly #asking = new Map<number, PromiseWithResolvers<Account | undefined>>();
  readonly #waiting = new Set<number>();
  readonly #questions: TokenBucket;
  #running = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: AccountsOptions) {
    this.#clock = options.clock;
    this.#hostName = options.hostName;
    this.#askNss = options.askNss;
    this.#limits = { ...ACCOUNTS_LIMITS, ...options.limits };
    this.#passwd = new WatchedFile(options.passwdPath ?? '/etc/passwd', this.#limits.maxPasswdBytes);
    this.#subuid = new WatchedFile(options.subuidPath ?? '/etc/subuid', this.#limits.maxPasswdBytes);
    this.#questions = new TokenBucket(this.#limits.maxPerSecond, () => this.#clock.monotonicMs());
  }

  /** @returns a promise only if NSS has to be asked; undefined if there is no such account */
  find(uid: number): Account | undefined | Promise<Account | undefined> {
    const now = this.#clock.monotonicMs();
    if (now - this.#checkedAt >= this.#limits.checkMs) {
      this.#checkedAt = now;
      this.#refresh();
      this.#refreshNamespaces();
    }
    // A missing account may have been added a moment ago.
    if (!this.#local.has(uid)) this.#refresh();
    const local = this.#local.get(uid);
    if (local !== undefined) return this.#localAccount(uid, local);
    const remembered = this.#remembered.get(uid);
    if (remembered !== undefined && remembered.until > now) return remembered.account;
    if (rangeOf(uid, this.#namespaces) !== undefined) return undefined;
    return this.#ask(uid);
  }

  /** The same object as long as it is valid. */
  #localAccount(uid: number, name: string): Account {
    const domain = this.#hostName();
    const known = this.#localAccounts.get(uid);
    if (known !== undefined && known.domain === domain) return known;
    const account = localAccount(name, domain);
    this.#localAccounts.set(uid, account);
    return account;
  }

  #refresh(): void {
    try {
      const bytes = this.#passwd.readIfChanged();
      if (bytes === undefined) return;
      this.#remembered.clear();
      this.#localAccounts.clear();
      this.#local = parsePasswd(bytes);
    } catch (error) {
      // While the file is being replaced, the old names are the best.
      this.#fail(error);
    }
  }

  #refreshNamespaces(): void {
    try {
      const bytes = this.#subuid.readIfChanged();
      if (bytes !== undefined) this.#namespaces = parseSubordinateUids(bytes);
    } catch {
      // Most hosts have none.
      this.#namespaces = [];
    }
  }

  #ask(uid: number): undefined | Promise<Account | undefined> {
    if (this.#askNss === undefined) return undefined;
    const asking = this.#asking.get(uid);
    if (asking !== undefined) return asking.promise;
    if (this.#waiting.size >= this.#limits.maxWaiting) {
      this.counters.refused++;
      return undefined;
    }
    const answer = Promise.withResolvers<Account | undefined>();
    this.#asking.set(uid, answer);
    this.#waiting.add(uid);
    this.#askNext();
    return answer.promise;
  }

  /** Asks for waiting uids, as far as allowed now. */
  #askNext(): void {
    while (this.#waiting.size > 0 && this.#running < this.#limits.maxRunning) {
      if (!this.#questions.tryTake()) {
        this.#cancelTimer ??= this.#clock.after(this.#questions.wait, () => {
          this.#cancelTimer = undefined;
          this.#askNext();
        });
        return;
      }
      const uids = [...this.#waiting].slice(0, MAX_UIDS);
      for (const uid of uids) this.#waiting.delete(uid);
      this.#running++;
      void this.#askFor(uids).finally(() => {
        this.#running--;
        this.#askNext();
      });
    }
  }

  async #askFor(uids: readonly number[]): Promise<void> {
    const { foundMs, missingMs, failedMs } = this.#limits;
    this.counters.asked++;
    try {
      const names = await this.#askNss!(uids);
      for (const uid of uids) {
        const name = names.get(uid);
        const account = name === undefined ? undefined : splitAccount(name);
        this.#settle(uid, account, account === undefined ? missingMs : foundMs);
      }
    } catch (error) {
      this.#fail(error);
      for (const uid of uids) this.#settle(uid, undefined, failedMs);
    }
  }

  #settle(uid: number, account: Account | undefined, forMs: number): void {
    this.#remember(uid, account, forMs);
    this.#asking.get(uid)?.resolve(account);
    this.#asking.delete(uid);
  }

  #remember(uid: number, account: Account | undefined, forMs: number): void {
    // Deleting first makes it the newest: the oldest answers are dropped first.
    this.#remembered.delete(uid);
    this.#remembered.set(uid, { account, until: this.#clock.monotonicMs() + forMs });
    if (this.#remembered.size <= this.#limits.maxRemembered) return;
    const oldest = this.#remembered.keys().next();
    if (!oldest.done) this.#remembered.delete(oldest.value);
  }

  #fail(error: unknown): void {
    this.counters.failed++;
    this.counters.lastError = messageOf(error);
  }
}

/**
 * A file of the host's accounts. Only root can name and write it, so looking at it is as safe as the root file
 * system.
 */
class WatchedFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #version = '';

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /** @returns undefined if it is unchanged; nothing of a file that is too large */
  readIfChanged(): Uint8Array | undefined {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(this.#path, { bigint: true });
    const version = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    if (version === this.#version) return undefined;
    this.#version = version;
    return size <= this.#maxBytes ? readFileSync(this.#path) : new Uint8Array();
  }
}
