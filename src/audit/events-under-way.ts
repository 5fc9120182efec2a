/** What identifies an event. The serial alone wraps, and logs of several hosts repeat it. */
export interface EventName {
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
}

/** An event in progress. */
export interface EventUnderWay<Event> extends EventName {
  /** The host that a log names. */
  readonly node: string | undefined;
  /** Another event with the same serial but another time or node. */
  sibling: Event | undefined;
}

/** Unfinished events, by what identifies them. */
export class EventsUnderWay<Event extends EventUnderWay<Event>> {
  /** The event that began last, until another one begins: mostly it is the only one. */
  #newest: Event | undefined;
  /** The others by serial, oldest first; of those with the same serial, the first of a chain. */
  readonly #others = new Map<number, Event>();
  /** The event found last: the next record usually belongs to it too. */
  #latest: Event | undefined;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  get newest(): Event | undefined {
    return this.#newest;
  }

  /** The event that began first. Its siblings with the same serial may have begun later. */
  get oldest(): Event | undefined {
    return this.#others.values().next().value ?? this.#newest;
  }

  /** Whether an event with this serial is in progress. */
  has(serial: number): boolean {
    return this.#newest?.serial === serial || this.#others.has(serial);
  }

  /** The event that a record belongs to. */
  find(record: EventName, node: string | undefined): Event | undefined {
    if (this.#newest !== undefined && isOf(this.#newest, record, node)) return this.#newest;
    if (this.#others.size === 0) return undefined;
    if (this.#latest !== undefined && isOf(this.#latest, record, node)) return this.#latest;
    let event = this.#others.get(record.serial);
    while (event !== undefined && !isOf(event, record, node)) event = event.sibling;
    this.#latest = event;
    return event;
  }

  /** @returns the event that was the newest before */
  add(event: Event): Event | undefined {
    const before = this.#newest;
    if (before !== undefined) this.#shelve(before);
    this.#newest = event;
    this.#count++;
    return before;
  }

  #shelve(event: Event): void {
    const head = this.#others.get(event.serial);
    if (head === undefined) {
      this.#others.set(event.serial, event);
    } else {
      event.sibling = head.sibling;
      head.sibling = event;
    }
  }

  remove(event: Event): void {
    this.#count--;
    if (event === this.#newest) {
      this.#newest = undefined;
      return;
    }
    if (event === this.#latest) this.#latest = undefined;
    const head = this.#others.get(event.serial);
    if (head === event) {
      this.#others.delete(event.serial);
      if (event.sibling !== undefined) this.#others.set(event.serial, event.sibling);
      return;
    }
    for (let before = head; before !== undefined; before = before.sibling) {
      if (before.sibling !== event) continue;
      before.sibling = event.sibling;
      return;
    }
  }

  /**
   * Oldest first, except for an event that replaced another of its serial: it comes after younger ones. The event
   * being looked at may be removed.
   */
  *[Symbol.iterator](): Generator<Event> {
    for (const head of this.#others.values()) {
      for (let event: Event | undefined = head; event !== undefined; ) {
        const next: Event | undefined = event.sibling;
        yield event;
        event = next;
      }
    }
    if (this.#newest !== undefined) yield this.#newest;
  }
}

const isOf = <Event extends EventUnderWay<Event>>(
  event: Event,
  record: EventName,
  node: string | undefined,
): boolean =>
  event.serial === record.serial &&
  event.milliseconds === record.milliseconds &&
  event.seconds === record.seconds &&
  event.node === node;
