import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RingMemory, RingReader } from '../../src/bpf/ring-reader.ts';

const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;

/** The kernel's side, over plain memory. Whoever writes also writes the second copy of the data pages. */
class FakeRing {
  readonly memory: RingMemory;
  readonly #bytes: number;
  #at: number;

  constructor(bytes: number, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
    this.memory = {
      consumed: BigUint64Array.of(BigInt(at)),
      produced: Uint32Array.of(at >>> 0),
      data: Buffer.from(new ArrayBuffer(2 * bytes)),
    };
  }

  /** @returns where its header is, or undefined if there is no room */
  write(content: Buffer, flags = 0): number | undefined {
    const size = (8 + content.length + 7) & ~7;
    if (this.#at + size - Number(this.memory.consumed[0]) > this.#bytes) return undefined;
    const at = this.#at % this.#bytes;
    this.#put(at, Buffer.from(Uint32Array.of((content.length | flags) >>> 0, 0).buffer));
    this.#put(at + 8, content);
    this.#at += size;
    this.memory.produced[0] = this.#at >>> 0;
    return at;
  }

  commit(at: number, length: number): void {
    this.#put(at, Buffer.from(Uint32Array.of(length).buffer));
  }

  /** A page that is mapped twice shows what is written in both places. */
  #put(at: number, bytes: Buffer): void {
    for (const [i, byte] of bytes.entries()) {
      const place = (at + i) % this.#bytes;
      this.memory.data[place] = byte;
      this.memory.data[place + this.#bytes] = byte;
    }
  }
}

const drain = (reader: RingReader): string[] => {
  const found: string[] = [];
  reader.drain((bytes, at, length) => found.push(bytes.toString('latin1', at, at + length)));
  return found;
};

describe('ring buffer', () => {
  test('records come whole and in order, across the end of the ring and of 32 bits', () => {
    const content = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 200 });
    const start = fc.constantFrom(0, 8, 2 ** 32 - 64, 2 ** 32 - 8, 2 ** 40);
    fc.assert(
      fc.property(content, start, (lengths, at) => {
        const ring = new FakeRing(256, at);
        const reader = new RingReader(ring.memory);
        const written: string[] = [];
        const found: string[] = [];
        for (const [i, length] of lengths.entries()) {
          const text = String.fromCharCode(97 + (i % 26)).repeat(length);
          const bytes = Buffer.from(text, 'latin1');
          if (ring.write(bytes) === undefined) {
            found.push(...drain(reader));
            expect(ring.write(bytes)).toBeDefined();
          }
          written.push(text);
        }
        found.push(...drain(reader));
        expect(found).toEqual(written);
        expect(drain(reader)).toEqual([]);
      }),
    );
  });

  test('what the kernel still writes, and all behind it, waits', () => {
    const ring = new FakeRing(256);
    const reader = new RingReader(ring.memory);
    ring.write(Buffer.from('first'));
    const busy = ring.write(Buffer.from('second'), BUSY)!;
    ring.write(Buffer.from('third'));
    expect(drain(reader)).toEqual(['first']);
    ring.commit(busy, 6);
    expect(drain(reader)).toEqual(['second', 'third']);
  });

  test('what a program has discarded is skipped', () => {
    const ring = new FakeRing(256);
    const reader = new RingReader(ring.memory);
    ring.write(Buffer.from('no'), DISCARDED);
    ring.write(Buffer.from('yes'));
    expect(drain(reader)).toEqual(['yes']);
  });

  test('a record whose reader fails is not read again', () => {
    const ring = new FakeRing(256);
    const reader = new RingReader(ring.memory);
    ring.write(Buffer.from('bad'));
    ring.write(Buffer.from('good'));
    expect(() =>
      reader.drain(() => {
        throw new Error('this one');
      }),
    ).toThrow('this one');
    expect(drain(reader)).toEqual(['good']);
  });
});
