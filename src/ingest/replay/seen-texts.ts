import type { AuditRecord } from '../../audit/record.ts';

/** Most records that are remembered: 64 MiB. Repetitions of older ones are no longer recognized. */
const MAX_RECORDS = 4_194_304;
const INITIAL_SLOTS = 4_096;
/** Words of one fingerprint. */
const WORDS = 2;

/**
 * Remembers records by a 64-bit fingerprint of header, fields and node, to recognize repetitions. For programs'
 * messages, several of which may share one serial.
 */
export class SeenTexts {
  #table = new Uint32Array(WORDS * INITIAL_SLOTS);
  #count = 0;

  /** @returns false if it was remembered before */
  add({ bytes, start, end, seconds, milliseconds, serial }: AuditRecord, node: string | undefined): boolean {
    let low = 0x811c9dc5 ^ serial;
    let high = Math.imul(seconds | 0, 0x9e3779b1) ^ milliseconds;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte, 0x85ebca6b) ^ (high >>> 15);
    }
    for (let i = 0; i < (node?.length ?? 0); i++) high = Math.imul(high ^ node!.charCodeAt(i), 0x85ebca6b);
    return this.#insert(this.#table, low >>> 0, high >>> 0 || 1);
  }

  #insert(table: Uint32Array, low: number, high: number): boolean {
    const mask = table.length / WORDS - 1;
    let slot = (low ^ (high >>> 7)) & mask;
    for (; table[WORDS * slot + 1] !== 0; slot = (slot + 1) & mask) {
      if (table[WORDS * slot] === low && table[WORDS * slot + 1] === high) return false;
    }
    table[WORDS * slot] = low;
    table[WORDS * slot + 1] = high;
    this.#count++;
    if (this.#count > (mask + 1) / 2) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#table;
    this.#count = 0;
    if (old.length / WORDS >= 2 * MAX_RECORDS) {
      old.fill(0);
      return;
    }
    this.#table = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 1] !== 0) this.#insert(this.#table, old[at]!, old[at + 1]!);
    }
  }
}
