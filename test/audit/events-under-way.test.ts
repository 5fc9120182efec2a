import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventsUnderWay, type EventUnderWay } from '../../src/audit/events-under-way.ts';

interface Event extends EventUnderWay<Event> {
  readonly number: number;
}

/** Few names, so that many are alike but for one part. */
const name = fc.record({
  seconds: fc.nat(1),
  milliseconds: fc.nat(1),
  serial: fc.nat(3),
  node: fc.constantFrom(undefined, 'web1'),
});
const textOf = (event: Omit<Event, 'number' | 'sibling'>): string =>
  `${event.seconds}.${event.milliseconds}:${event.serial} ${event.node}`;

test('is what a map from whole names to events would be', () => {
  const step = fc.tuple(fc.constantFrom('add', 'remove', 'remove oldest', 'clear'), name);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const events = new EventsUnderWay<Event>();
      const expected = new Map<string, Event>();
      let number = 0;
      const remove = (event: Event): void => {
        events.remove(event);
        expected.delete(textOf(event));
      };
      for (const [what, of] of steps) {
        const found = events.find(of, of.node);
        expect(found).toBe(expected.get(textOf(of)));
        if (what === 'add' && found === undefined) {
          const event: Event = { ...of, sibling: undefined, number: number++ };
          const before = events.newest;
          expect(events.add(event)).toBe(before);
          expected.set(textOf(event), event);
        } else if (what === 'remove' && found !== undefined) {
          remove(found);
        } else if (what === 'remove oldest' && events.oldest !== undefined) {
          remove(events.oldest);
        } else if (what === 'clear') {
          for (const event of events) remove(event);
          expect(events.size).toBe(0);
        }
        expect(events.size).toBe(expected.size);
        expect(new Set(events)).toEqual(new Set(expected.values()));
        for (const serial of [0, 1, 2, 3])
          expect(events.has(serial)).toBe([...expected.values()].some(event => event.serial === serial));
      }
    }),
  );
});

test('without events of the same serial the oldest comes first', () => {
  const events = new EventsUnderWay<Event>();
  const of = (serial: number): Event => ({
    seconds: 1,
    milliseconds: 2,
    serial,
    node: undefined,
    sibling: undefined,
    number: serial,
  });
  for (const serial of [5, 3, 4]) events.add(of(serial));
  expect(Array.from(events, ({ serial }) => serial)).toEqual([5, 3, 4]);
  expect(events.oldest?.serial).toBe(5);
});
