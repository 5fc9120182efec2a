import { appendFileSync, chmodSync, cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { QueryCursors } from 'osquery-extension-ts/events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventBufferLimits } from '../../../src/events/event-buffer.ts';
import { LateColumns } from '../../../src/events/late-columns.ts';
import { Persistence } from '../../../src/events/persistence/persistence.ts';
import { batchOf, columns, EVERY_COLUMN, eidsOf, NO_LIMITS, newBuffer, rowsOf } from '../event-rows.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const NAMES = columns.map(({ name }) => name);

/** One table with what keeps it. */
const open = async (
  path: string,
  limits: EventBufferLimits = NO_LIMITS,
  accounts: Parameters<Persistence['start']> = [() => undefined],
) => {
  const buffer = newBuffer(limits);
  const cursors = new QueryCursors();
  const lateColumns = new LateColumns(NAMES, ['note']);
  const warnings: string[] = [];
  const table = { name: 'test_events', columnNames: NAMES, buffer, cursors };
  const persistence = await Persistence.open(path, [table], line => warnings.push(line));
  persistence.keepLate('test_events', lateColumns);
  persistence.start(...accounts);
  const append = (count: number): void => {
    const rows = Array.from({ length: count }, (_, i) => ({ path: '/x', pid: i, time: 100 }));
    buffer.append(batchOf(rows, buffer.range.to));
  };
  return { buffer, cursors, lateColumns, persistence, warnings, append };
};

let directory: ReturnType<typeof temporaryDirectory>;
let running: Persistence[];
beforeEach(() => {
  directory = temporaryDirectory();
  running = [];
});
afterEach(async () => {
  for (const persistence of running) await persistence.close();
  directory[Symbol.dispose]();
});

const start = async (
  name = 'state',
  limits?: EventBufferLimits,
  accounts?: Parameters<Persistence['start']>,
) => {
  const opened = await open(join(directory.path, name), limits, accounts);
  running.push(opened.persistence);
  return opened;
};

/** What a kill at this moment would leave: the files as they are. */
const killed = (name: string): void => {
  cpSync(join(directory.path, 'state'), join(directory.path, name), { recursive: true, mode: 0 });
  chmodSync(join(directory.path, name), 0o700);
};

describe('Persistence', () => {
  it('brings back rows and goes on with their numbers', async () => {
    const first = await start();
    first.append(3);
    await first.persistence.save();
    first.append(2);
    await first.persistence.save();
    killed('next');
    const second = await start('next');
    expect(second.persistence.counters).toEqual({ restored: 5, lostBytes: 0, failures: 0 });
    expect(rowsOf(second.buffer)).toEqual(rowsOf(first.buffer));
    second.append(1);
    expect(eidsOf(rowsOf(second.buffer))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(second.buffer.counters).toMatchObject({ appended: 1, evicted: 0, evictedUnread: 0 });
  });

  it('writes by itself what has come, within a second', async () => {
    const first = await start();
    first.append(4);
    await sleep(900);
    killed('next');
    expect((await start('next')).buffer.rowCount).toBe(4);
  });

  it('does not bring back what was dropped, consumed or had expired', async () => {
    const first = await start('state', { rows: 6, bytes: 1e9 });
    first.append(10);
    await first.persistence.save();
    // A query with a WHERE takes one out of the middle.
    first.buffer.select({ from: 7, to: 8 }, EVERY_COLUMN, { consume: true });
    first.buffer.discardBelow(6);
    await first.persistence.save();
    killed('next');
    const second = await start('next');
    expect(eidsOf(rowsOf(second.buffer))).toEqual([6, 8, 9, 10]);
    expect(second.buffer.rowCount).toBe(4);
    second.buffer.discardBelow(9);
    expect(eidsOf(rowsOf(second.buffer))).toEqual([9, 10]);
  });

  it.each([
    ['the directory', ''],
    ['a file in it', 'test_events/000000000001.rows'],
    ['what stands for all else', 'positions'],
  ])('begins anew, and says so, where somebody has deleted %s', async (_, name) => {
    const first = await start();
    first.append(10);
    first.buffer.select({ from: 7, to: 8 }, EVERY_COLUMN, { consume: true });
    first.lateColumns.set(9, ['late']);
    first.cursors.rangeFor({ query: 'q', id: '1' }, { from: 1, to: 5 });
    await first.persistence.save();
    rmSync(join(directory.path, 'state', name), { recursive: true });
    let told = 0;
    first.persistence.onAnew(() => told++);
    first.append(2);
    await expect.poll(() => told, { timeout: 8_000 }).toBe(1);
    await first.persistence.save();
    expect(first.warnings).toEqual([expect.stringContaining('was deleted while it was in use')]);
    killed('next');
    const second = await start('next');
    expect(eidsOf(rowsOf(second.buffer))).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
    expect(second.lateColumns.find(9)).toHaveLength(1);
    expect(second.cursors.rangeFor({ query: 'q', id: '2' }, second.buffer.range).from).toBe(5);
    expect(second.persistence.counters.lostBytes).toBe(0);
  });

  it('knows which rows had been read, so that dropping them is no loss', async () => {
    const first = await start();
    first.append(4);
    first.buffer.markRead(4);
    await first.persistence.save();
    killed('next');
    const { buffer } = await start('next');
    buffer.setLimits({ rows: 0, bytes: 1e9 });
    expect(buffer.counters).toMatchObject({ evicted: 4, evictedUnread: 1 });
  });

  it('brings back values that came later than their rows', async () => {
    const first = await start();
    first.append(2);
    await first.persistence.save();
    first.lateColumns.set(2, ['late']);
    first.lateColumns.set(99, ['of a row that is lost']);
    await first.persistence.save();
    killed('next');
    const { lateColumns } = await start('next');
    expect(lateColumns.find(1)).toEqual([]);
    expect(lateColumns.find(2).map(({ bytes }) => bytes.toString('latin1').slice(-4))).toEqual(['late']);
  });

  it('keeps the rows that a query was answered with from coming again', async () => {
    const first = await start();
    first.append(3);
    const run = { query: 'q', id: '0/1', counter: '0' };
    expect(first.cursors.rangeFor(run, first.buffer.range)).toEqual({ from: 1, to: 4 });
    await first.persistence.save();
    killed('answered');
    const second = await start('answered');
    second.append(2);
    // Core has logged what it got: its count has grown.
    expect(second.cursors.rangeFor({ query: 'q', id: '1/3', counter: '1' }, second.buffer.range)).toEqual({
      from: 4,
      to: 6,
    });
  });

  it('brings again the rows of a run that core logged nothing of', async () => {
    const first = await start();
    first.append(3);
    first.cursors.rangeFor({ query: 'q', id: '/1', counter: undefined }, first.buffer.range);
    first.append(2);
    first.cursors.rangeFor({ query: 'q', id: '0/3', counter: '0' }, first.buffer.range);
    await first.persistence.save();
    killed('unanswered');
    const second = await start('unanswered');
    const again = { query: 'q', id: '0/5', counter: '0' };
    expect(second.cursors.rangeFor(again, second.buffer.range)).toEqual({ from: 4, to: 6 });
    // Only once is it open.
    expect(second.cursors.rangeFor({ ...again, id: '0/7' }, second.buffer.range)).toEqual({ from: 6, to: 6 });
  });

  it('never repeats a snapshot, which core does not count', async () => {
    const first = await start();
    for (const id of ['/1', '/3']) {
      first.append(2);
      first.cursors.rangeFor({ query: 'snapshot', id, counter: undefined }, first.buffer.range);
    }
    await first.persistence.save();
    killed('next');
    const second = await start('next');
    const run = { query: 'snapshot', id: '/5', counter: undefined };
    expect(second.cursors.rangeFor(run, second.buffer.range)).toEqual({ from: 5, to: 5 });
  });

  it('keeps the accounts with rows, with progress, when asked to, and soon when nothing else has come', async () => {
    let looks = 0;
    const accounts = { count: 0 };
    let progress = { serial: 1 };
    const first = await start('state', NO_LIMITS, [
      () => {
        looks++;
        return { ...accounts };
      },
      () => progress,
    ]);
    const kept = async (name: string): Promise<unknown> => {
      killed(name);
      return (await start(name)).persistence.accounts;
    };
    accounts.count = 1;
    await first.persistence.save();
    expect(await kept('asked')).toEqual({ count: 1 });
    accounts.count = 2;
    first.append(1);
    await sleep(400);
    expect(await kept('rows')).toEqual({ count: 2 });
    accounts.count = 3;
    progress = { serial: 2 };
    await sleep(400);
    expect(await kept('progress')).toEqual({ count: 3 });
    const before = looks;
    accounts.count = 4;
    await sleep(1_600);
    expect(await kept('soon')).toEqual({ count: 4 });
    expect(looks - before).toBeLessThanOrEqual(2);
  });

  it('cuts off what was not finished, and says how much', async () => {
    const first = await start();
    first.append(3);
    await first.persistence.save();
    killed('next');
    const [file] = readdirSync(join(directory.path, 'next', 'test_events'));
    appendFileSync(join(directory.path, 'next', 'test_events', file!), 'torn');
    appendFileSync(join(directory.path, 'next', 'positions'), 'too');
    const { persistence, buffer } = await start('next');
    expect(persistence.counters).toEqual({ restored: 3, lostBytes: 7, failures: 0 });
    expect(buffer.rowCount).toBe(3);
  });

  it('goes on in memory when the disk takes nothing, and warns once', async () => {
    const first = await start();
    first.append(1);
    await first.persistence.save();
    rmSync(join(directory.path, 'state'), { recursive: true });
    // The open file lives on without a name; a long row makes it leave for one that it cannot make.
    first.buffer.append(batchOf([{ path: 'x'.repeat(5_000_000), time: 1 }], 2));
    await first.persistence.save();
    for (let i = 0; i < 3; i++) {
      first.append(1);
      await first.persistence.save();
    }
    expect(first.buffer.rowCount).toBe(5);
    expect(first.persistence.counters.failures).toBe(1);
    expect(first.warnings).toEqual([expect.stringMatching(/cannot be written \(ENOENT.*only in memory/)]);
  });

  it('has after a kill at any time a beginning of what there was', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }),
        fc.record({ kind: fc.constant('discard' as const), share: fc.integer({ min: 0, max: 9 }) }),
        fc.record({ kind: fc.constant('save' as const) }),
        fc.record({ kind: fc.constant('restart' as const) }),
      ),
      { maxLength: 12 },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps, async list => {
        const path = join(directory.path, `run${run++}`);
        let now = await open(path);
        let saved = rowsOf(now.buffer);
        try {
          for (const step of list) {
            const { from, to } = now.buffer.range;
            if (step.kind === 'append') now.append(step.count);
            else if (step.kind === 'discard') now.buffer.discardBelow(from + ((to - from) * step.share) / 10);
            else await now.persistence.save();
            if (step.kind === 'save') saved = rowsOf(now.buffer);
            if (step.kind !== 'restart') continue;
            saved = rowsOf(now.buffer);
            await now.persistence.close();
            now = await open(path);
            expect(rowsOf(now.buffer)).toEqual(saved);
          }
          cpSync(path, `${path}-killed`, { recursive: true });
          chmodSync(`${path}-killed`, 0o700);
          const next = await open(`${path}-killed`);
          const eids = eidsOf(rowsOf(next.buffer));
          await next.persistence.close();
          // What was saved is there, as far as it was not dropped since, and nothing is there twice.
          expect(new Set(eids).size).toBe(eids.length);
          const gone = now.buffer.range.from;
          expect(eids.filter(eid => eid >= gone)).toEqual(
            expect.arrayContaining(eidsOf(saved).filter(eid => eid >= gone)),
          );
        } finally {
          await now.persistence.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});
