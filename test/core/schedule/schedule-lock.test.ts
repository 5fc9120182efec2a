import { expect, test } from 'vitest';
import { ScheduleLock } from '../../../src/core/schedule/schedule-lock.ts';

const forever = new AbortController().signal;

test('who walks the schedule waits while it is held, but for the scheduler itself', async () => {
  const lock = new ScheduleLock();
  const order: string[] = [];
  await lock.walk(false, forever);
  const work = Promise.withResolvers<void>();
  const tick = lock.hold(async () => {
    await work.promise;
    order.push('tick');
  });
  const walk = lock.walk(false, forever).then(() => order.push('walk'));
  await lock.walk(true, forever);
  order.push('scheduled');
  work.resolve();
  await Promise.all([tick, walk]);
  expect(order).toEqual(['scheduled', 'tick', 'walk']);
});

test('who gives up does not wait, and a tick that fails ends, too', async () => {
  const lock = new ScheduleLock();
  const stop = new AbortController();
  const tick = lock.hold(() => new Promise((_, reject) => stop.signal.addEventListener('abort', reject)));
  const walk = lock.walk(false, stop.signal);
  stop.abort(new Error('given up'));
  await expect(walk).rejects.toThrow('given up');
  await expect(tick).rejects.toBeDefined();
  await lock.walk(false, forever);
});
