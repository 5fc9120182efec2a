import type { Random } from './random.ts';
import type { Word } from './target.ts';

/** Mutations of one input: mostly few, so that most of it stays what it was. */
const MOST_MUTATIONS = 6;

/** Bytes and words of 32 bits at which programs go wrong. */
const ODD_BYTES = [
  0, 1, 0x0a, 0x1d, 0x20, 0x22, 0x27, 0x28, 0x3d, 0x5c, 0x7f, 0x80, 0xc2, 0xe0, 0xed, 0xf4, 0xff,
];
const ODD_NUMBERS = [
  0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** Makes inputs out of others. The mutations are those of AFL's havoc stage, with the words of a target. */
export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Uint8Array[];
  readonly #work: Buffer;

  constructor(random: Random, words: readonly Word[], maxBytes: number) {
    this.#random = random;
    this.#words = words.map(word => Buffer.from(word as string));
    this.#work = Buffer.alloc(maxBytes);
  }

  /** @returns memory of its own */
  mutate(corpus: readonly Uint8Array[]): Buffer {
    const random = this.#random;
    const work = this.#work;
    const base = random.pick(corpus);
    let length = Math.min(base.length, work.length);
    work.set(base.subarray(0, length));

    const insert = (at: number, bytes: Uint8Array): void => {
      const count = Math.min(bytes.length, work.length - length);
      if (count === 0) return;
      work.copyWithin(at + count, at, length);
      work.set(bytes.subarray(0, count), at);
      length += count;
    };
    const remove = (at: number, count: number): void => {
      work.copyWithin(at, at + count, length);
      length -= count;
    };
    const span = (): number =>
      1 + random.below(random.below(4) === 0 ? length - 1 || 1 : Math.min(16, length));

    for (let left = 1 + random.below(MOST_MUTATIONS); left > 0; left--) {
      if (length === 0) {
        insert(0, this.#words.length > 0 ? random.pick(this.#words) : Uint8Array.of(random.below(256)));
        continue;
      }
      const at = random.below(length);
      switch (random.below(12)) {
        case 0:
          work[at]! ^= 1 << random.below(8);
          break;
        case 1:
          work[at] = random.below(256);
          break;
        case 2:
          work[at] = random.pick(ODD_BYTES);
          break;
        case 3:
          work[at]! += random.below(33) - 16;
          break;
        case 4:
          this.#number(at, length);
          break;
        case 5:
          remove(at, Math.min(span(), length - at));
          break;
        case 6:
          insert(at, Buffer.from(work.subarray(at, Math.min(at + span(), length))));
          break;
        case 7: {
          const to = random.below(length);
          work.copyWithin(to, at, Math.min(at + span(), length, at + length - to));
          break;
        }
        case 8: {
          const other = random.pick(corpus);
          const from = random.below(other.length);
          insert(at, other.subarray(from, from + 1 + random.below(Math.min(64, other.length))));
          break;
        }
        case 9: {
          // The end of another input behind the beginning of this one.
          const other = random.pick(corpus);
          length = at;
          insert(at, other.subarray(random.below(other.length)));
          break;
        }
        case 10:
          insert(at, Uint8Array.of(random.pick(ODD_BYTES)));
          break;
        default:
          if (this.#words.length > 0) {
            const word = random.pick(this.#words);
            if (random.below(2) === 0) insert(at, word);
            else work.set(word.subarray(0, length - at), at);
          }
      }
    }
    return Buffer.from(work.subarray(0, length));
  }

  /** Writes an odd number of one, two or four bytes, in either order. */
  #number(at: number, length: number): void {
    const random = this.#random;
    const value = random.pick(ODD_NUMBERS);
    const bytes = Math.min([1, 2, 4][random.below(3)]!, length - at);
    const little = random.below(2) === 0;
    for (let i = 0; i < bytes; i++) this.#work[at + i] = value >>> (8 * (little ? i : bytes - 1 - i));
  }
}
