import { randomBytes } from 'node:crypto';

/** Decimal digits of a row's number; 18 always fit into the 64 signed bits that core reads. */
export const ROWID_DIGITS = 18;
const HALF = 1e9;
/** Numbers begin with a digit other than 0. */
const LEAST_HIGH = 1e8;

/** The first word of a row that is hashed: behind the header, and the upper half of a length, which is always 0. */
const FIRST_WORD = 2;

/** A user who can choose a row's content must not be able to choose its number. */
const KEY = randomBytes(8);
const KEY_0 = KEY.readInt32LE(0);
const KEY_1 = KEY.readInt32LE(4);

const INITIAL_SLOTS = 1024;
/** A slot: two halves of a number, and how many rows had it; 0 for a free slot. */
const SLOT = 3;
/**
 * Rows with equal content, from the second on, are hashed as this: the number of the first, and how many came before.
 */
const REPEATED = new Int32Array(3);
/** In place of the length at the end of a row's bytes. */
const REPEATED_TAIL = -1;

/**
 * Numbers the rows of one answer by their content. For a WHERE with OR core asks a table once per branch, and takes
 * rows with one number for the same row; without numbers it uses their place in each answer, and rows vanish. So the
 * same row has the same number in every answer of a query. Rows with equal content are distinguished by how many came
 * before.
 */
export class RowIdentity {
  #slots = new Uint32Array(INITIAL_SLOTS * SLOT);
  #size = 0;

  /**
   * Writes the number of a row, of {@link ROWID_DIGITS} decimal digits.
   *
   * @param bytes hold the row from their beginning on, and receive its number
   * @param words the same memory
   * @param end where the row ends, in bytes
   * @param at where to write its number
   */
  write(bytes: Uint8Array, words: Int32Array, end: number, at: number): void {
    const whole = end >>> 2;
    let tail = end << 24;
    for (let i = whole << 2; i < end; i += 1) tail |= bytes[i]! << ((i & 3) * 8);
    hash(words, FIRST_WORD, whole, tail);
    const before = this.#count(hashHigh, hashLow);
    if (before > 0) {
      REPEATED[0] = hashHigh;
      REPEATED[1] = hashLow;
      REPEATED[2] = before;
      hash(REPEATED, 0, REPEATED.length, REPEATED_TAIL);
    }
    writeDigits(bytes, at, LEAST_HIGH + (hashHigh % (HALF - LEAST_HIGH)));
    writeDigits(bytes, at + ROWID_DIGITS / 2, hashLow % HALF);
  }

  /** @returns how often the number occurred before */
  #count(high: number, low: number): number {
    if (this.#size * 2 * SLOT >= this.#slots.length) this.#grow();
    const slots = this.#slots;
    const slot = slotOf(slots, high, low);
    const before = slots[slot + 2]!;
    if (before === 0) {
      slots[slot] = high;
      slots[slot + 1] = low;
      this.#size += 1;
    }
    slots[slot + 2] = before + 1;
    return before;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2);
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + 2] === 0) continue;
      const slot = slotOf(slots, old[from]!, old[from + 1]!);
      slots[slot] = old[from]!;
      slots[slot + 1] = old[from + 1]!;
      slots[slot + 2] = old[from + 2]!;
    }
    this.#slots = slots;
  }
}

/** The slot of a number, or the free one for it. */
function slotOf(slots: Uint32Array, high: number, low: number): number {
  const mask = slots.length / SLOT - 1;
  let slot = low & mask;
  for (;;) {
    const at = slot * SLOT;
    if (slots[at + 2] === 0 || (slots[at + 1] === low && slots[at] === high)) return at;
    slot = (slot + 1) & mask;
  }
}

/** Three digits for each number below 1000. */
const DIGITS = Buffer.from(Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0')).join(''));

/** Nine decimal digits, leading zeros included. */
function writeDigits(bytes: Uint8Array, at: number, value: number): void {
  const thousands = (value / 1000) >>> 0;
  const millions = (thousands / 1000) >>> 0;
  writeThree(bytes, at, millions);
  writeThree(bytes, at + 3, thousands - millions * 1000);
  writeThree(bytes, at + 6, value - thousands * 1000);
}

function writeThree(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = DIGITS[value * 3]!;
  bytes[at + 1] = DIGITS[value * 3 + 1]!;
  bytes[at + 2] = DIGITS[value * 3 + 2]!;
}

/** The result of {@link hash}: a pair would cost an allocation for every row. */
let hashHigh = 0;
let hashLow = 0;

/** Rounds behind the words of a message: its last bytes, and twice three empty ones. */
const LAST_ROUNDS = 7;

/**
 * HalfSipHash-1-3 with 64 bits of result (https://github.com/veorq/SipHash, halfsiphash.c), of some words.
 *
 * @param tail the bytes behind the last word, and the total number of bytes in its highest byte
 */
function hash(words: Int32Array, first: number, end: number, tail: number): void {
  let v0 = KEY_0;
  let v1 = KEY_1 ^ 0xee;
  let v2 = 0x6c796765 ^ KEY_0;
  let v3 = 0x74656462 ^ KEY_1;
  const last = end + LAST_ROUNDS;
  for (let at = first; at < last; at += 1) {
    let m = 0;
    if (at < end) m = words[at]!;
    else if (at === end) m = tail;
    else if (at === end + 1) v2 ^= 0xee;
    else if (at === end + 4) {
      hashLow = (v1 ^ v3) >>> 0;
      v1 ^= 0xdd;
    }
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  hashHigh = (v1 ^ v3) >>> 0;
}
