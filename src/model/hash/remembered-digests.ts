import type { Digests } from './digests.ts';

/** Digests remembered, by version of the file. */
export const MAX_REMEMBERED = 8_192;

/** The digests of files whose version says what is in them; those that nobody asked for are forgotten first. */
export class RememberedDigests {
  readonly #max: number;
  /** Oldest first. */
  readonly #entries = new Map<string, { readonly digests: Digests; isUsed: boolean }>();

  constructor(max = MAX_REMEMBERED) {
    this.#max = max;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): Digests | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.isUsed = true;
    return entry.digests;
  }

  set(key: string, digests: Digests): void {
    this.#entries.set(key, { digests, isUsed: false });
    while (this.#entries.size > this.#max) {
      const [oldest, entry] = this.#entries.entries().next().value!;
      this.#entries.delete(oldest);
      // A second time round for what was used in the meantime.
      if (entry.isUsed) this.#entries.set(oldest, { digests: entry.digests, isUsed: false });
    }
  }
}
