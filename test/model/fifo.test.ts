import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../src/model/fifo.ts';

describe('Fifo', () => {
  it('does what an array does', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 900 }) }),
      fc.record({ shift: fc.integer({ min: 0, max: 900 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        let next = 1;
        for (const action of steps) {
          if ('push' in action) {
            for (let i = 0; i < action.push; i++) {
              fifo.push(next);
              model.push(next++);
            }
          } else {
            for (let i = 0; i < action.shift; i++) expect(fifo.shift()).toBe(model.shift());
          }
          expect(fifo.size).toBe(model.length);
          expect(fifo.peek()).toBe(model[0]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
