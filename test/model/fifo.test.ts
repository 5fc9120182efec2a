import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../src/model/fifo.ts';

describe('Fifo', () => {
  it('does what an array does', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 900 }) }) },
      { weight: 6, arbitrary: fc.record({ shift: fc.integer({ min: 0, max: 900 }) }) },
      { weight: 1, arbitrary: fc.record({ retain: fc.integer({ min: 2, max: 5 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        let next = 1;
        for (const action of steps) {
          if ('push' in action) {
            for (let i = 0; i < action.push; i++) {
              fifo.push(next);
              model.push(next++);
            }
          } else if ('shift' in action) {
            for (let i = 0; i < action.shift; i++) expect(fifo.shift()).toBe(model.shift());
          } else {
            fifo.retain(item => item % action.retain !== 0);
            model = model.filter(item => item % action.retain !== 0);
          }
          expect(fifo.size).toBe(model.length);
          expect(fifo.peek()).toBe(model[0]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
