import { expect, it } from 'vitest';
import { Outbox } from '../../src/ingest/outbox.ts';

it('an outbox is full while the other thread has not taken what was sent', () => {
  const here = new Outbox(100);
  const there = new Outbox(100, here.shared);
  here.sent(60);
  expect(here.isFull).toBe(false);
  here.sent(60);
  expect(here.isFull).toBe(true);
  there.taken(60);
  expect(here.isFull).toBe(false);
  there.taken(60);
  here.sent(99);
  expect(here.isFull).toBe(false);
});
