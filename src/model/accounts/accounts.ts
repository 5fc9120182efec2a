import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { type Account, localAccount, splitAccount } from './account.ts';
import type { AskNss } from './getent.ts';
import { parsePasswd } from './passwd.ts';

export interface AccountsLimits {
  /** Answers of NSS that are remembered, those that there is no account among them. */
  readonly maxRemembered: number;
  /** Questions to NSS under way at once, and waiting. */
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** How long an answer is good: a name, that there is no account, that NSS failed. */
  readonly foundMs: number;
  readonly missingMs: number;
  readonly failedMs: number;
  /** How often the passwd file is looked at for changes. */
  readonly checkMs: number;
  /** Larger passwd files are not read. */
  readonly maxPasswdBytes: number;
}

export const ACCOUNTS_LIMITS: AccountsLimits = {
  maxRemembered: 4096,
  maxRunning: 2,
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
  readonly limits?: Partial<AccountsLimits>;
}

interface Remembered {
  readonly account: Account | undefined;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/**
 * Accounts by uid, as the host names them: the passwd file first, which costs nothing, then NSS, once per uid for all
 * who ask at the same time. A changed passwd file makes everything be asked anew.
 */
export class Accounts {
  readonly counters = { asked: 0, failed: 0, refused: 0, lastError: undefined as string | undefined };
  readonly #clock: Clock;
  readonly #hostName: () => string | undefined;
  readonly #askNss: AskNss | undefined;
  readonly #passwdPath: string;
  readonly #limits: AccountsLimits;
  #local: ReadonlyMap<number, string> = new Map();
  /** Of the passwd file, once somebody asked. */
  readonly #localAccounts = new Map<number, Account>();
  #version = '';
  #checkedAt = Number.NEGATIVE_INFINITY;
  readonly #remembered = new Map<number, Remembered>();
  readonly #asking = new Map<number, Promise<Account | undefined>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: AccountsOptions) {
    this.#clock = options.clock;
    this.#hostName = options.hostName;
    this.#askNss = options.askNss;
    this.#passwdPath = options.passwdPath ?? '/etc/passwd';
    this.#limits = { ...ACCOUNTS_LIMITS, ...options.limits };
  }

  /** @returns a promise only if NSS has to be asked; undefined if there is no such account */
  find(uid: number): Account | undefined | Promise<Account | undefined> {
    const now = this.#clock.monotonicMs();
    if (now - this.#checkedAt >= this.#limits.checkMs) {
      this.#checkedAt = now;
      this.#refresh();
    }
    // One that is missing may have been added a moment ago.
    if (!this.#local.has(uid)) this.#refresh();
    const local = this.#local.get(uid);
    if (local !== undefined) return this.#localAccount(uid, local);
    const remembered = this.#remembered.get(uid);
    if (remembered !== undefined && remembered.until > now) return remembered.account;
    return this.#ask(uid);
  }

  /** The same object as long as it is true. */
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
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(this.#passwdPath, { bigint: true });
      const version = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
      if (version === this.#version) return;
      this.#version = version;
      this.#remembered.clear();
      this.#localAccounts.clear();
      this.#local =
        size <= this.#limits.maxPasswdBytes ? parsePasswd(readFileSync(this.#passwdPath)) : new Map();
    } catch (error) {
      // Between the old file's end and the new one's beginning, the old names are still the best.
      this.#fail(error);
    }
  }

  #ask(uid: number): Account | undefined | Promise<Account | undefined> {
    const askNss = this.#askNss;
    if (askNss === undefined) return undefined;
    const asking = this.#asking.get(uid);
    if (asking !== undefined) return asking;
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      this.counters.refused++;
      return undefined;
    }
    const answer = this.#inTurn(() => askNss(uid)).then(
      name => {
        const account = name === undefined ? undefined : splitAccount(name);
        this.#remember(uid, account, account === undefined ? this.#limits.missingMs : this.#limits.foundMs);
        return account;
      },
      (error: unknown) => {
        this.#fail(error);
        this.#remember(uid, undefined, this.#limits.failedMs);
        return undefined;
      },
    );
    this.#asking.set(uid, answer);
    return answer.finally(() => this.#asking.delete(uid));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    // Whoever is called from the queue takes over the place of the one that finished.
    if (this.#running >= this.#limits.maxRunning) {
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    this.counters.asked++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #remember(uid: number, account: Account | undefined, forMs: number): void {
    // Deleting first makes it the newest: the oldest answers go first.
    this.#remembered.delete(uid);
    this.#remembered.set(uid, { account, until: this.#clock.monotonicMs() + forMs });
    if (this.#remembered.size <= this.#limits.maxRemembered) return;
    const oldest = this.#remembered.keys().next();
    if (!oldest.done) this.#remembered.delete(oldest.value);
  }

  #fail(error: unknown): void {
    this.counters.failed++;
    this.counters.lastError = error instanceof Error ? error.message : String(error);
  }
}
