import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PidTable } from '../../../src/model/process/pid-table.ts';
import type { ProcessNode } from '../../../src/model/process/process-node.ts';

const nodeOf = (pid: number) => ({ pid, next: undefined }) as ProcessNode;

describe('PidTable', () => {
  it('holds one process of each pid, as a Map does', () => {
    // Few places, and several pids for each.
    const pid = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 4 }));
    const step = fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const), pid });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), steps => {
        const table = new PidTable();
        const expected = new Map<number, ProcessNode>();
        for (const {
          kind,
          pid: [low, high],
        } of steps) {
          const pid = low + 8192 * high;
          if (kind === 'set') {
            const node = nodeOf(pid);
            table.set(node);
            expected.set(pid, node);
          } else {
            table.delete(pid);
            expected.delete(pid);
          }
          for (let asked = 0; asked < 4; asked++) {
            for (let above = 0; above < 5; above++) {
              expect(table.get(asked + 8192 * above)).toBe(expected.get(asked + 8192 * above));
            }
          }
        }
        expect(new Set(table.all())).toEqual(new Set(expected.values()));
        expect(table.all()).toHaveLength(expected.size);
      }),
    );
  });

  it('keeps nothing of what was taken out', () => {
    const table = new PidTable();
    const [first, second, third] = [nodeOf(1), nodeOf(1 + 8192), nodeOf(1 + 2 * 8192)];
    for (const node of [first, second, third]) table.set(node);
    table.delete(second.pid);
    table.delete(third.pid);
    expect([second.next, third.next]).toEqual([undefined, undefined]);
    expect(table.all()).toEqual([first]);
  });
});
