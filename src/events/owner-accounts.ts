/** Most owners with an account; all others share one. */
const MAX_OWNERS = 1024;
/** Slot of the shared account. */
const OTHERS = 0;

/** What is limited: rows, bytes of memory, or unpacked bytes of the rows. */
export type Measure = 'rows' | 'bytes' | 'unpacked';

/** What one owner has in a buffer. */
export interface OwnerAccount {
  readonly key: number;
  /** Rows refer to the account by it. */
  readonly slot: number;
  rows: number;
  bytes: number;
  unpacked: number;
  /** None of its rows has a lower number. */
  oldest: number;
}

/** Counts each owner's rows in a buffer, so that rows can be taken from the owner with most. */
export class OwnerAccounts {
  readonly #bySlot: OwnerAccount[] = [newAccount(-1, OTHERS)];
  readonly #byKey = new Map<number, OwnerAccount>();

  of(key: number): OwnerAccount {
    return this.#byKey.get(key) ?? this.#open(key);
  }

  at(slot: number): OwnerAccount {
    return this.#bySlot[slot]!;
  }

  #open(key: number): OwnerAccount {
    let slot = this.#bySlot.length;
    if (slot > MAX_OWNERS) {
      const idle = this.#bySlot.findIndex(({ rows }, index) => index !== OTHERS && rows === 0);
      if (idle < 0) return this.#bySlot[OTHERS]!;
      this.#byKey.delete(this.#bySlot[idle]!.key);
      slot = idle;
    }
    const account = newAccount(key, slot);
    this.#bySlot[slot] = account;
    this.#byKey.set(key, account);
    return account;
  }

  /**
   * The owner with most, and how much the next one has.
   *
   * @returns undefined if nobody has any row
   */
  heaviest(measure: Measure): { readonly account: OwnerAccount; readonly next: number } | undefined {
    let account: OwnerAccount | undefined;
    let most = 0;
    let next = 0;
    for (const each of this.#bySlot) {
      if (each.rows === 0) continue;
      const has = each[measure];
      if (account === undefined || has > most) {
        next = account === undefined ? 0 : most;
        most = has;
        account = each;
      } else if (has > next) {
        next = has;
      }
    }
    return account && { account, next };
  }
}

const newAccount = (key: number, slot: number): OwnerAccount => ({
  key,
  slot,
  rows: 0,
  bytes: 0,
  unpacked: 0,
  oldest: 0,
});
