import type { EventName } from '../../audit/events-under-way.ts';

export type Seen = 'whole' | 'partly';

/** Serials of one page: neighbours come together, for the kernel counts up. */
const PAGE_BITS = 8;
const PAGE_SERIALS = 1 << PAGE_BITS;
/** Pages remembered: 64 MiB. The oldest go first; repetitions of their events are no longer recognized. */
const MAX_PAGES = 65_536;
/** A page holds times of 24 days, half of them before the first one that came. */
const RANGE_MS = 2 ** 31 - 2;

interface Page {
  /** Milliseconds since the epoch that 1 stands for. */
  readonly base: number;
  /** By serial: 0 for none, else twice the milliseconds since `base`, plus 1 if the event was whole. */
  readonly times: Uint32Array;
  /** The same serials at another time: of another boot. */
  readonly next: Page | undefined;
}

/**
 * The events of logs that have ended, to tell that records come again. Four bytes an event where serials follow each other, so
 * that all events of a log can be remembered, exactly.
 */
export class SeenEvents {
  /** By number of the node and of the page. */
  readonly #pages = new Map<number, Page>();
  #count = 0;
  readonly #nodes = new Map<string | undefined, number>();
  #lastNode: string | undefined;
  #lastNumber = 0;
  /** The pages that were looked at last: mostly those of the next event too. */
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

  /** Remembers an event. @returns how it was known before; undefined if it was not */
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
