/** Most missing serials that are remembered. A later one that arrives still counts as lost. */
const REMEMBERED = 65_536;

/**
 * Counts events that never arrived, by the gaps in their serials. Serials are assigned in order but may arrive
 * slightly out of order; a late one fills its gap. They are u32 and wrap, so only their distance counts.
 */
export class SerialGaps {
  #highest: number | undefined;
  readonly #missing = new Set<number>();
  #forgotten = 0;

  /**
   * @param highest the last serial taken by a previous reader; undefined if the first serial seen starts the count
   */
  constructor(highest?: number) {
    this.#highest = highest;
  }

  /** Events missing now. */
  get count(): number {
    return this.#missing.size + this.#forgotten;
  }

  /** The highest serial seen. */
  get highest(): number | undefined {
    return this.#highest;
  }

  /** Whether an event of this serial was seen, or is too old to tell. */
  hasSeen(serial: number): boolean {
    if (this.#highest === undefined || ((serial - this.#highest) | 0) > 0) return false;
    return !this.#missing.has(serial);
  }

  /** Takes the serial of each record. Several records of one event are normal, and cost one comparison. */
  see(serial: number): void {
    if (serial === this.#highest) return;
    if (this.#highest === undefined) {
      this.#highest = serial;
      return;
    }
    const ahead = (serial - this.#highest) | 0;
    if (ahead < 0) {
      if (this.#missing.size > 0) this.#missing.delete(serial);
      return;
    }
    const hole = ahead - 1;
    if (hole > 0) this.#open(this.#highest, hole);
    this.#highest = serial;
  }

  #open(after: number, hole: number): void {
    const remembered = Math.min(hole, REMEMBERED);
    this.#forgotten += hole - remembered;
    for (let i = hole - remembered + 1; i <= hole; i++) this.#missing.add((after + i) >>> 0);
    if (this.#missing.size <= REMEMBERED) return;
    // Drops the oldest half at once: finding the first entry of a set again and again becomes slower each time.
    let surplus = this.#missing.size - REMEMBERED / 2;
    this.#forgotten += surplus;
    for (const serial of this.#missing) {
      this.#missing.delete(serial);
      if (--surplus === 0) break;
    }
  }
}
