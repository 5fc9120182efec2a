import { describe, expect, it } from 'vitest';
import { fuzzBriefly, runInput } from './fuzzer.ts';
import { minimize } from './minimize.ts';
import { keptSeeds } from './seeds.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const SEED = 20_261_127;
/** `npm run fuzz` is for many. */
const EXECUTIONS = 500;

describe.each(targets.map(target => [target.name, target] as const))('hostile input: %s', (name, target) => {
  it('bears every input that was ever found', () => {
    for (const input of keptSeeds(name)) runInput(target, input);
  });

  it(`bears its seeds, and ${EXECUTIONS} inputs made of them`, () => {
    fuzzBriefly(target, { executions: EXECUTIONS, seed: SEED, seeds: keptSeeds(name) });
  });
});

describe('the fuzzer itself', () => {
  const broken: FuzzTarget = {
    name: 'broken',
    maxBytes: 20,
    seeds: () => [Buffer.from('abc')],
    words: ['x='],
    run(input) {
      if (input.includes('x=')) throw new RangeError('found');
    },
  };

  it('finds what a target does not bear, and says with which input', () => {
    expect(() => fuzzBriefly(broken, { executions: 1_000, seed: 1 })).toThrow(
      expect.objectContaining({
        name: 'Finding',
        message: 'RangeError: found',
        input: expect.toSatisfy((input: Buffer) => input.includes('x=')),
      }),
    );
  });

  it('makes the same inputs for the same seed', () => {
    const inputs = (seed: number): string[] => {
      const seen: string[] = [];
      const target = { ...broken, run: (input: Buffer) => void seen.push(input.toString('hex')) };
      fuzzBriefly(target, { executions: 50, seed });
      return seen;
    };
    expect(inputs(7)).toEqual(inputs(7));
    expect(inputs(7)).not.toEqual(inputs(8));
    expect(inputs(7).every(hex => hex.length <= 40)).toBe(true);
  });

  it('leaves out of an input what does not matter', () => {
    const whole = Buffer.from('some words, x= and what follows');
    expect(minimize(whole, input => input.includes('x=')).toString()).toBe('x=');
  });
});
