/** Milliseconds during which nothing similar is looked at after a look has hung. */
const QUARANTINE_MS = 600_000;
/**
 * After so many hung looks at foreign file systems in that time, none is looked at any more, for any user: a user can
 * have many uids, and each hung look leaves a process behind.
 */
const MAX_FOREIGN = 2;
/** Entries kept; the oldest go first. */
const MAX_ENTRIES = 4_096;

/** Owner and place of a file. */
export interface LookSubject {
  /** The user who ran it: the login uid, or the uid if that is unset. */
  readonly owner: number;
  readonly path: string;
  /** The device recorded for the first file. */
  readonly dev: string | undefined;
}

/**
 * Prevents looks for a while after a look at something similar has hung. `all`: none; `local`: only on local file
 * systems of the host.
 */
export class Quarantine {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();
  /** When the last looks at foreign file systems hung. */
  #foreign: readonly number[] = [];

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether everything may be looked at. */
  get isEmpty(): boolean {
    return this.#until.size === 0;
  }

  /** @param isForeign whether the file is known to be on a file system of a user, or of the network */
  add({ owner, path, dev }: LookSubject, isForeign: boolean): void {
    this.#add(`path ${path}`);
    if (isForeign) this.#foreign = [...this.#foreign, this.#now()].slice(-MAX_FOREIGN);
    if (isForeign && dev !== undefined) this.#add(`device ${dev}`);
    // The path of a user's program can lead anywhere. Root is not blamed for file systems that others serve.
    if (owner !== 0) this.#add(isForeign ? `foreign ${owner}` : `owner ${owner}`);
  }

  #add(key: string): void {
    this.#until.delete(key);
    this.#until.set(key, this.#now() + QUARANTINE_MS);
    if (this.#until.size > MAX_ENTRIES) this.#until.delete(this.#until.keys().next().value!);
  }

  /** What may be looked at. */
  allows({ owner, path, dev }: LookSubject): 'everything' | 'local' | 'nothing' {
    if (this.#until.size === 0) return 'everything';
    if (this.#has(`path ${path}`) || this.#has(`device ${dev}`) || this.#has(`owner ${owner}`))
      return 'nothing';
    return this.#has(`foreign ${owner}`) || this.#hasHungOften() ? 'local' : 'everything';
  }

  #hasHungOften(): boolean {
    return this.#foreign.length === MAX_FOREIGN && this.#foreign[0]! + QUARANTINE_MS > this.#now();
  }

  #has(key: string): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#until.delete(key);
    return false;
  }
}

/** 4294967295: nobody has logged in. */
const UNSET = 4_294_967_295;

export const ownerOf = ({ uid, auid }: { readonly uid: number; readonly auid: number }): number =>
  auid === UNSET ? uid : auid;
