import type { EventName } from '../../audit/events-under-way.ts';

export type Seen = 'whole' | 'partly';

/** Serials in one page: neighbours come together, because the kernel counts up. */
const PAGE_BITS = 8;
const PAGE_SERIALS = 1 << PAGE_BITS;
/** Most pages: 64 MiB. The oldest are dropped first; then repetitions of their events are no longer recognized. */
const MAX_PAGES = 65_536;
/** A page holds times of 24 days, half of them before the first one that came. */
const RANGE_MS = 2 ** 31 - 2;

interface Page {
  /** Milliseconds since the epoch that 1 stands for. */
  readonly base: number;
  /** By serial: 0 for none, else twice the milliseconds since `base`, plus 1 if the event was whole. */
  readonly times: Uint32Array;
  /** The same serials at another time, from another boot. */
  readonly next: Page | undefined;
}

/**
 * Remembers ended events of logs, to recognize repeated records. Consecutive serials take four bytes an event, so all
 * events of a log can be remembered, exactly.
 */
export class SeenEvents {
  /** By number of the node and of the page. */
  readonly #pages = new Map<number, Page>();
  #count = 0;
  readonly #nodes = new Map<string | undefined, number>();
  #lastNode: string | undefined;
  #lastNumber = 0;
  /** The pages that were used last: mostly the next event needs them too. */
  #lastKey = -1;
  #lastPage: Page | undefined;

  find({ seconds, milliseconds, serial }: EventName, node: string | undefined): Seen | undefined {
    const time = seconds * 1000 + milliseconds;
    for (let page = this.#pagesOf(this.#key(serial, node)); page !== undefined; page = page.next) {
      const known = page.times[serial & (PAGE_SERIALS - 1)]!;
      if (known !== 0 && page.base + Math.floor(known / 2) === time)
        return known % 2 === 1 ? 'whole' : 'partly';
    }
    return undefined;
  }

  /** Remembers an event. @returns what was known about it; undefined if nothing was */
  see(event: EventName, node: string | undefined, isWhole: boolean): Seen | undefined {
    const known = this.find(event, node);
    if (known !== undefined) return known;
    const { seconds, milliseconds, serial } = event;
    const time = seconds * 1000 + milliseconds;
    const key = this.#key(serial, node);
    const slot = serial & (PAGE_SERIALS - 1);
    const first = this.#pagesOf(key);
    for (let page = first; page !== undefined; page = page.next) {
      const offset = time - page.base;
      if (offset < 1 || offset > RANGE_MS || page.times[slot] !== 0) continue;
      page.times[slot] = 2 * offset + (isWhole ? 1 : 0);
      return undefined;
    }
    const page: Page = { base: time - RANGE_MS / 2, times: new Uint32Array(PAGE_SERIALS), next: first };
    page.times[slot] = RANGE_MS + (isWhole ? 1 : 0);
    this.#pages.set(key, page);
    this.#lastPage = page;
    if (++this.#count > MAX_PAGES) this.#forgetOldest();
    return undefined;
  }

  #forgetOldest(): void {
    for (const [key, first] of this.#pages) {
      for (let page: Page | undefined = first; page !== undefined; page = page.next) this.#count--;
      this.#pages.delete(key);
      this.#lastKey = -1;
      return;
    }
  }

  #pagesOf(key: number): Page | undefined {
    if (key !== this.#lastKey) {
      this.#lastPage = this.#pages.get(key);
      this.#lastKey = key;
    }
    return this.#lastPage;
  }

  #key(serial: number, node: string | undefined): number {
    return this.#nodeNumber(node) * 2 ** (32 - PAGE_BITS) + (serial >>> PAGE_BITS);
  }

  #nodeNumber(node: string | undefined): number {
    if (node === this.#lastNode && this.#nodes.size > 0) return this.#lastNumber;
    let number = this.#nodes.get(node);
    if (number === undefined) {
      number = this.#nodes.size;
      this.#nodes.set(node, number);
    }
    this.#lastNode = node;
    this.#lastNumber = number;
    return number;
  }
}
