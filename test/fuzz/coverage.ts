import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** The product: what is run of its tests and libraries says nothing about it. */
const PRODUCT = /^file:.*\/(?:src|tables)\/.*\.(?:ts|js)$/;

/** What has been run of the product so far, by V8's block coverage of this thread. */
export class Coverage implements Disposable {
  readonly #session = new Session();
  /** By script: 1 for each character of its source that has been run. */
  readonly #seen = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Forgets what has been run since the last time. */
  skip(): void {
    this.#take();
  }

  /** @returns whether anything has been run since the last time that never was before */
  hasNew(): boolean {
    let found = false;
    for (const { url, functions } of this.#take()) {
      const run = paint(functions);
      const seen = this.#seenOf(url, run.length);
      for (let i = 0; i < run.length; i++) {
        if (run[i] === 1 && seen[i] === 0) {
          found = true;
          break;
        }
      }
    }
    return found;
  }

  /** Takes what has been run since the last time as seen. */
  remember(): void {
    for (const { url, functions } of this.#take()) {
      const run = paint(functions);
      const seen = this.#seenOf(url, run.length);
      for (let i = 0; i < run.length; i++) seen[i]! |= run[i]!;
    }
  }

  /** Characters of source that have been run. */
  get size(): number {
    let size = 0;
    for (const seen of this.#seen.values()) for (const byte of seen) size += byte;
    return size;
  }

  #take(): ScriptCoverage[] {
    let taken: readonly ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      taken = result;
    });
    return taken.filter(({ url }) => PRODUCT.test(url));
  }

  #seenOf(url: string, length: number): Uint8Array {
    const seen = this.#seen.get(url) ?? new Uint8Array(0);
    if (seen.length >= length) return seen;
    const grown = new Uint8Array(length);
    grown.set(seen);
    this.#seen.set(url, grown);
    return grown;
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}

/** A block inside another is told only if its count differs: outer ones first, inner ones over them. */
const paint = (functions: ScriptCoverage['functions']): Uint8Array => {
  const end = functions.reduce((most, { ranges }) => Math.max(most, ranges[0]!.endOffset), 0);
  const run = new Uint8Array(end);
  for (const { ranges } of functions) {
    for (const { startOffset, endOffset, count } of ranges)
      run.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return run;
};
