import { randomBytes } from 'node:crypto';
import type { ByteWriter } from '../wire/byte-writer.ts';
import { ROW_HEADER_BYTES } from './row-encoder.ts';

/** Decimal digits of a row's number; 18 always fit into the 64 bits with a sign that core reads. */
const DIGITS = 18;
const HALF = 1e9;
/** Numbers begin with a digit other than 0. */
const LEAST_HIGH = 1e8;

/** `rowid`, with its length, and the length of its value. */
const ENTRY_HEAD = Buffer.from(`\0\0\0\x05rowid\0\0\0${String.fromCharCode(DIGITS)}`, 'latin1');

/** Whoever can choose what a row says must not be able to choose its number. */
const KEY = randomBytes(8);
const KEY_0 = KEY.readInt32LE(0);
const KEY_1 = KEY.readInt32LE(4);

const INITIAL_SLOTS = 1024;

/**
 * Numbers the rows of one answer by what they say. For a WHERE with OR core asks a table once per branch, and takes rows
 * of one number for the same row; without numbers it takes their place in each answer, and rows vanish. So the same row
 * has the same number in every answer of a query. Rows that say the same are told apart by how many came before.
 */
export class RowIdentity {
  #high = new Uint32Array(INITIAL_SLOTS);
  #low = new Uint32Array(INITIAL_SLOTS);
  /** How many rows of the number there were; 0 for a free slot. */
  #counts = new Uint32Array(INITIAL_SLOTS);
  #size = 0;

  /**
   * Adds the entry `rowid` to a row that has none.
   *
   * @param start where in `out`, whose last row it is, the row begins
   */
  append(out: ByteWriter, start: number): void {
    const from = start + ROW_HEADER_BYTES;
    const { bytes, length } = out;
    hash(bytes, from, length, 0);
    const before = this.#count(hashHigh, hashLow);
    if (before > 0) hash(bytes, from, length, before);
    out.raw(ENTRY_HEAD);
    out.reserve(DIGITS);
    writeDigits(out.bytes, out.length, LEAST_HIGH + (hashHigh % (HALF - LEAST_HIGH)));
    writeDigits(out.bytes, out.length + DIGITS / 2, hashLow % HALF);
    out.length += DIGITS;
    out.bytes.writeInt32BE(out.bytes.readInt32BE(start + 2) + 1, start + 2);
  }

  /** @returns how often the number was there before */
  #count(high: number, low: number): number {
    if (this.#size * 2 >= this.#counts.length) this.#grow();
    const slot = this.#slotOf(high, low);
    const before = this.#counts[slot]!;
    if (before === 0) {
      this.#high[slot] = high;
      this.#low[slot] = low;
      this.#size += 1;
    }
    this.#counts[slot] = before + 1;
    return before;
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#counts.length - 1;
    let slot = low & mask;
    while (this.#counts[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [high, low, counts] = [this.#high, this.#low, this.#counts];
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(low.length * 2);
    this.#counts = new Uint32Array(counts.length * 2);
    for (let old = 0; old < counts.length; old += 1) {
      if (counts[old] === 0) continue;
      const slot = this.#slotOf(high[old]!, low[old]!);
      this.#high[slot] = high[old]!;
      this.#low[slot] = low[old]!;
      this.#counts[slot] = counts[old]!;
    }
  }
}

/** Nine decimal digits, leading zeros included. */
function writeDigits(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = at + DIGITS / 2 - 1; i >= at; i -= 1) {
    const next = Math.floor(rest / 10);
    bytes[i] = 48 + rest - next * 10;
    rest = next;
  }
}

/** The result of {@link hash}: a pair would cost an allocation for every row. */
let hashHigh = 0;
let hashLow = 0;

/**
 * HalfSipHash-1-3 with 64 bits of result (https://github.com/veorq/SipHash, halfsiphash.c), of the bytes and one more word
 * behind them.
 */
function hash(bytes: Uint8Array, from: number, to: number, word: number): void {
  let v0 = KEY_0;
  let v1 = KEY_1 ^ 0xee;
  let v2 = 0x6c796765 ^ KEY_0;
  let v3 = 0x74656462 ^ KEY_1;
  const whole = from + ((to - from) & ~3);
  for (let at = from; at < whole; at += 4) {
    const m = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
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
  let tail = (to - from) << 24;
  for (let i = whole; i < to; i += 1) tail |= bytes[i]! << ((i - whole) * 8);
  // The rest of the bytes, and how many they are; the word behind them; then twice three rounds of nothing.
  for (let round = 1; round <= 8; round += 1) {
    const m = round === 1 ? tail : round === 2 ? word : 0;
    if (round === 3) v2 ^= 0xee;
    if (round === 6) {
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
