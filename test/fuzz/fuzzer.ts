import { Coverage } from './coverage.ts';
import { Mutator } from './mutator.ts';
import { Random } from './random.ts';
import { type FuzzTarget, InvariantError } from './target.ts';

/** Milliseconds of CPU time one input may take; asking for it costs more than most inputs, so time is looked at first. */
const SLOW_MS = 1_000;
/** Bytes outside of V8's heap that may stand after a batch. The heap has its own limit: the worker's. */
const MAX_ARRAY_BUFFER_BYTES = 512 * 1024 * 1024;
/** Inputs between two looks at the coverage: few while much is new, many when nothing is. */
const LEAST_BATCH = 16;
const MOST_BATCH = 8_192;

export interface FuzzProgress {
  readonly executions: number;
  /** Inputs kept because they ran something new, the first ones included. */
  readonly corpus: number;
  /** Characters of the product's source that have been run. */
  readonly coverage: number;
}

export interface FuzzOptions {
  readonly executions: number;
  readonly seed: number;
  /** Inputs besides the target's own to start from. */
  readonly seeds?: readonly Uint8Array[];
  /** Told of every input before it is run. */
  readonly onInput?: (input: Buffer) => void;
  readonly onProgress?: (progress: FuzzProgress) => void;
}

/** An input that the product did not bear. */
export class Finding extends Error {
  override readonly name = 'Finding';
  readonly input: Buffer;

  constructor(input: Buffer, cause: unknown) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause });
    this.input = input;
  }
}

/** @throws Finding */
export const runInput = (target: FuzzTarget, input: Buffer): void => {
  const runOnce = (): void => {
    try {
      // The product may write to what it is given: what is kept of an input is a copy.
      target.run(Buffer.from(input));
    } catch (error) {
      throw new Finding(input, error);
    }
  };
  const began = performance.now();
  runOnce();
  if (performance.now() - began <= SLOW_MS) return;
  const before = process.threadCpuUsage();
  runOnce();
  const { user, system } = process.threadCpuUsage(before);
  const took = (user + system) / 1000;
  if (took > SLOW_MS) {
    throw new Finding(
      input,
      new InvariantError(`took ${took.toFixed(0)} ms, at most ${SLOW_MS} are allowed`),
    );
  }
};

const firstInputs = (target: FuzzTarget, more: readonly Uint8Array[] = []): Buffer[] =>
  [...target.seeds(), ...more].map(seed => Buffer.from(seed.subarray(0, target.maxBytes)));

/**
 * Runs a target on its seeds and on inputs made of them, without looking at what they run: the same ones for the same
 * seed.
 *
 * @throws Finding
 */
export const fuzzBriefly = (target: FuzzTarget, { executions, seed, seeds }: FuzzOptions): void => {
  const inputs = firstInputs(target, seeds);
  for (const input of inputs) runInput(target, input);
  const mutator = new Mutator(new Random(seed), target.words, target.maxBytes);
  for (let i = 0; i < executions; i++) runInput(target, mutator.mutate(inputs));
};

/**
 * Runs a target on inputs made of those before that ran something new of the product.
 *
 * Asking V8 what has been run takes milliseconds, an input microseconds: inputs are run in batches, and a batch that ran
 * something new is run again in halves until it is known which of its inputs did.
 *
 * @throws Finding
 */
export const fuzz = (target: FuzzTarget, options: FuzzOptions): FuzzProgress => {
  const { executions, seed, onInput, onProgress } = options;
  const mutator = new Mutator(new Random(seed), target.words, target.maxBytes);
  const corpus: Buffer[] = [];
  let done = 0;
  using coverage = new Coverage();
  const run = (inputs: readonly Buffer[]): void => {
    for (const input of inputs) {
      onInput?.(input);
      runInput(target, input);
    }
    done += inputs.length;
  };
  const keepNew = (inputs: readonly Buffer[]): void => {
    coverage.skip();
    run(inputs);
    if (inputs.length === 1) {
      corpus.push(inputs[0]!);
      coverage.remember();
      return;
    }
    if (!coverage.hasNew()) return;
    const middle = inputs.length >>> 1;
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
      coverage.skip();
      run(half);
      if (coverage.hasNew()) keepNew(half);
    }
  };
  for (const input of firstInputs(target, options.seeds)) keepNew([input]);

  let size = LEAST_BATCH;
  while (done < executions) {
    const batch = Array.from({ length: Math.min(size, executions - done) }, () => mutator.mutate(corpus));
    coverage.skip();
    run(batch);
    if (coverage.hasNew()) {
      keepNew(batch);
      size = Math.max(LEAST_BATCH, size >>> 1);
    } else {
      size = Math.min(MOST_BATCH, size * 2);
    }
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers > MAX_ARRAY_BUFFER_BYTES) {
      throw new Finding(
        batch.at(-1)!,
        new InvariantError(`${arrayBuffers} bytes of buffers stand after this input`),
      );
    }
    onProgress?.({ executions: done, corpus: corpus.length, coverage: coverage.size });
  }
  return { executions: done, corpus: corpus.length, coverage: coverage.size };
};
