import fc from 'fast-check';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { QueryCursors, type QueryExecution, ReturnedRows } from 'osquery-extension-ts/events';
import { expect, it } from 'vitest';
import { selectEvents } from '../../src/events/select-events.ts';
import { contextOf, eidsOf, filledBuffer, NO_LIMITS, spec } from './event-rows.ts';

const EQ = 2;
const PIDS = 4;
const TIME = 1_000;

/** One read of the table: all of it, or the rows of one process, as the inner loop of a self-join asks for. */
const read = fc.oneof(
  fc.constant(undefined),
  fc.nat(PIDS).map(pid => ({ pid })),
  fc.nat(60).map(eid => ({ eid })),
);
const reads = fc.array(read, { minLength: 1, maxLength: 5 });

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ append: fc.array(fc.nat(PIDS - 1), { minLength: 1, maxLength: 5 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      /** A scheduled query runs: its reads, and what happens between them. */
      query: fc.constantFrom('a', 'b', 'c'),
      reads,
      between: fc.constantFrom('nothing', 'rows', 'distributed', 'both'),
      /** Whether core did not get one of the replies: the execution has failed, and is done again. */
      isLost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ distributed: reads }) },
  { weight: 1, arbitrary: fc.record({ pause: fc.constant(1_000) }) },
);

it('a scheduled query gets each row once, whatever else reads, and all reads of an execution the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 30 }),
      fc.constantFrom(1, 86_000),
      fc.subarray(['a', 'b', 'c']),
      async (steps, eventsExpiry, scheduled) => {
        const clock = { now: 0 };
        const { buffer, append } = filledBuffer([{ pid: 0, time: TIME }], NO_LIMITS, () => clock.now);
        const cursors = new QueryCursors();
        const returned = new ReturnedRows(buffer, () => clock.now);
        const pids = [0];
        const add = (more: readonly number[]): void => {
          append(more.map(pid => ({ pid, time: TIME })));
          pids.push(...more);
        };
        const readers = scheduled.map(query => ({ query, interval: 10 }));
        const select = async (
          one: { pid: number } | { eid: number } | undefined,
          execution?: QueryExecution,
          signal = new AbortController().signal,
        ): Promise<number[]> => {
          const constraints =
            one === undefined
              ? {}
              : 'pid' in one
                ? { pid: [{ op: EQ, expr: String(one.pid) }] }
                : { eid: [{ op: EQ, expr: String(one.eid).padStart(10, '0') }] };
          const environment = {
            execution: async () => execution,
            readers: () => readers,
            returned,
            eventsOptimize: true,
            eventsExpiry,
            now: () => TIME,
          };
          const found = await selectEvents({
            spec,
            buffer,
            cursors,
            environment,
            context: contextOf(constraints),
            signal,
          });
          return eidsOf(decodeRows(found));
        };
        const fits = (eid: number, one: { pid: number } | { eid: number } | undefined): boolean =>
          one === undefined || ('pid' in one ? pids[eid - 1] === one.pid : eid === one.eid);
        /** By query: the rows that its executions have had, and those of its last one if that has failed. */
        const had = new Map<string, { below: number; executions: number }>();
        for (const step of steps) {
          clock.now += 1;
          if ('append' in step) add(step.append);
          else if ('pause' in step) clock.now += step.pause;
          else if ('distributed' in step) {
            const before = await select(undefined);
            for (const one of step.distributed) {
              expect(await select(one)).toEqual(before.filter(eid => fits(eid, one)));
            }
          } else {
            // A query that is not scheduled does not keep rows from being dropped: not with events_expiry 1.
            if (eventsExpiry === 1 && !scheduled.includes(step.query)) continue;
            const { below, executions } = had.get(step.query) ?? { below: 1, executions: 0 };
            const execution = { query: step.query, id: String(executions) };
            const to = pids.length + 1;
            const expected = Array.from({ length: to - below }, (_, i) => below + i);
            const lost = new AbortController();
            for (const one of step.reads) {
              expect(await select(one, execution, lost.signal)).toEqual(
                expected.filter(eid => fits(eid, one)),
              );
              if (step.between === 'rows' || step.between === 'both') add([pids.length % PIDS]);
              if (step.between === 'distributed' || step.between === 'both') await select(undefined);
            }
            if (step.isLost) lost.abort();
            had.set(step.query, { below: step.isLost ? below : to, executions: executions + 1 });
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
