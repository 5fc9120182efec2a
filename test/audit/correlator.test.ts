import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CORRELATOR_LIMITS,
  Correlator,
  type CorrelatorLimits,
  isUserMessage,
  type RecordGroup,
} from '../../src/audit/correlator.ts';
import { parseRecord } from '../../src/audit/record.ts';
import { execveFields, fieldsOf, payload, record, STAMP, type Stamp } from './kernel-records.ts';

const SYSCALL = 1300;
const PATH = 1302;
const CWD = 1307;
const EXECVE = 1309;
const EOE = 1320;
const PROCTITLE = 1327;
const LOGIN = 1006;
const CONFIG_CHANGE = 1305;
const URINGOP = 1336;
const AVC = 1400;

/** What became of the records: one entry per group, read while it is handed over. */
const collect = (limits: Partial<CorrelatorLimits> = {}) => {
  const groups: (Stamp & { fields: string[]; endedBy: RecordGroup['endedBy'] })[] = [];
  const correlator = new Correlator(
    ({ records, ...group }) => groups.push({ ...group, fields: records.map(fieldsOf) }),
    { ...CORRELATOR_LIMITS, ...limits },
  );
  return {
    correlator,
    groups,
    push: (type: number, fields: string, stamp = STAMP, now = 0, node?: string) =>
      correlator.push(record(type, fields, stamp), now, node),
  };
};
const at = (serial: number, seconds = STAMP.seconds, milliseconds = STAMP.milliseconds): Stamp => ({
  seconds,
  milliseconds,
  serial,
});

describe('Correlator', () => {
  it('expects more of a system call, and of a record that may be alone only for a moment', () => {
    const { correlator, push } = collect();
    expect(correlator.expectsMore(0)).toBe(false);
    push(CONFIG_CHANGE, 'op=set audit_pid=1', at(1));
    push(LOGIN, 'pid=1 uid=0', at(2), 100);
    expect(correlator.expectsMore(200)).toBe(true);
    expect(correlator.expectsMore(400)).toBe(false);
    push(CONFIG_CHANGE, 'op=add_rule', at(3), 200);
    push(SYSCALL, 'syscall=44', at(3), 200);
    expect(correlator.expectsMore(1_900)).toBe(true);
    push(EOE, '', at(3), 1_900);
    expect(correlator.expectsMore(1_900)).toBe(false);
    expect(correlator.size).toBe(2);
  });

  it('keeps of a long command line what is wanted of it, and none of its records', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 6 }), fc.boolean(), (settles, isAmongOthers) => {
        const argv = ['/bin/true', 'x'.repeat(60_000), 'y'.repeat(60_000)];
        const groups: (string[] | undefined)[] = [];
        let records = 0;
        const correlator = new Correlator(group => {
          groups.push(group.arguments?.end(() => false)?.argv);
          records += group.records.length;
        });
        correlator.argumentBytes = 1_000;
        const arena: Buffer[] = [];
        const push = (type: number, fields: string, serial = 1): void => {
          const received = record(type, fields, at(serial));
          arena.push(received.bytes);
          correlator.push(received, 0);
        };
        push(SYSCALL, 's');
        execveFields(argv).forEach((fields, i) => {
          push(EXECVE, fields);
          if (isAmongOthers) push(i === 0 ? SYSCALL : EXECVE, `argc=1 a0="other"`, 2 + i);
          if (!settles.includes(i)) return;
          correlator.settle();
          for (const bytes of arena.splice(0)) bytes.fill('#');
        });
        push(CWD, 'c');
        push(EOE, '');
        const first = 'x'.repeat(1_004);
        expect(groups).toEqual([['/bin/true', first]]);
        expect(records).toBe(2);
      }),
      { numRuns: 60 },
    );
  });

  it('ends an event at its EOE', () => {
    const { push, groups, correlator } = collect();
    push(SYSCALL, 's');
    push(EXECVE, 'e');
    push(CWD, 'c');
    expect(groups).toEqual([]);
    expect(correlator.size).toBe(1);
    push(EOE, '');
    expect(groups).toEqual([{ ...STAMP, fields: ['s', 'e', 'c'], endedBy: 'record' }]);
    expect(correlator.size).toBe(0);
  });

  it('ends an event at its PROCTITLE, and takes the EOE behind it for nothing', () => {
    const { push, groups, correlator } = collect();
    push(SYSCALL, 's');
    push(PROCTITLE, 'proctitle=6C73');
    push(EOE, '');
    expect(groups).toEqual([{ ...STAMP, fields: ['s'], endedBy: 'record' }]);
    expect(correlator.size).toBe(0);
    expect(correlator.counters).toEqual({ unterminated: 0, overLimit: 0 });
  });

  it('keeps records that come before SYSCALL', () => {
    const { push, groups } = collect();
    push(URINGOP, 'u');
    push(SYSCALL, 's');
    push(PATH, 'p');
    push(EOE, '');
    expect(groups.map(({ fields }) => fields)).toEqual([['u', 's', 'p']]);
  });

  it.each([1326, AVC, 1417, 1503])('hands on a record of type %i at once, whatever it is part of', type => {
    const { push, groups } = collect();
    push(SYSCALL, 's');
    push(type, 'report');
    expect(groups.map(({ fields }) => fields)).toEqual([['report']]);
    push(EOE, '');
    expect(groups.map(({ fields }) => fields)).toEqual([['report'], ['s']]);
  });

  it('does not end an event at a LOGIN in its middle', () => {
    const { push, groups } = collect();
    push(LOGIN, 'l');
    push(SYSCALL, 's');
    push(PROCTITLE, 'p');
    expect(groups).toEqual([{ ...STAMP, fields: ['l', 's'], endedBy: 'record' }]);
  });

  it('hands records of programs on at once, whatever is under way', () => {
    const { push, groups } = collect();
    push(SYSCALL, 's');
    push(1100, 'pid=1', at(387));
    push(2999, 'pid=2', at(386));
    expect(groups.map(({ serial, fields, endedBy }) => [serial, fields, endedBy])).toEqual([
      [387, ['pid=1'], 'record'],
      [386, ['pid=2'], 'record'],
    ]);
    push(EOE, '');
    expect(groups[2]!.fields).toEqual(['s']);
  });

  it.each([
    [1099, false],
    [1100, true],
    [1199, true],
    [1200, false],
    [2099, false],
    [2100, true],
    [2999, true],
    [3000, false],
  ])('type %i of a program: %s', (type, expected) => expect(isUserMessage(type)).toBe(expected));

  it('has nothing to say about an EOE or PROCTITLE alone', () => {
    const { push, groups, correlator } = collect();
    push(EOE, '');
    push(PROCTITLE, 'p');
    correlator.flush();
    expect(groups).toEqual([]);
  });

  describe('tells events of one serial apart', () => {
    it.each([
      ['by second', at(5, 100), at(5, 101), undefined, undefined],
      ['by millisecond', at(5, 100, 1), at(5, 100, 2), undefined, undefined],
      ['by node', at(5), at(5), 'a', 'b'],
      ['by node and none', at(5), at(5), undefined, 'b'],
    ])('%s', (_, first, second, firstNode, secondNode) => {
      for (const order of [
        [0, 1],
        [1, 0],
      ]) {
        const { push, groups, correlator } = collect();
        const events = [
          { stamp: first, node: firstNode, name: 'first' },
          { stamp: second, node: secondNode, name: 'second' },
        ];
        for (const { stamp, node, name } of events) push(SYSCALL, name, stamp, 0, node);
        for (const { stamp, node, name } of events) push(CWD, `${name} cwd`, stamp, 0, node);
        expect(correlator.size).toBe(2);
        for (const index of order) push(EOE, '', events[index]!.stamp, 0, events[index]!.node);
        expect(groups.map(({ fields }) => fields)).toEqual(
          order.map(index => [events[index]!.name, `${events[index]!.name} cwd`]),
        );
        expect(correlator.size).toBe(0);
      }
    });

    it('when the one in the middle of three ends first', () => {
      const { push, groups, correlator } = collect();
      for (const seconds of [1, 2, 3]) push(SYSCALL, `s${seconds}`, at(5, seconds));
      for (const seconds of [2, 1, 3]) push(EOE, '', at(5, seconds));
      expect(groups.map(({ fields }) => fields[0])).toEqual(['s2', 's1', 's3']);
      expect(correlator.size).toBe(0);
    });
  });

  describe('ends events by age', () => {
    it('at the limit, by the clock it is given', () => {
      const { push, groups, correlator } = collect({ ageMs: 2_000 });
      push(SYSCALL, 's', STAMP, 1_000);
      push(CWD, 'c', STAMP, 2_500);
      correlator.expire(2_999);
      expect(groups).toEqual([]);
      correlator.expire(3_000);
      expect(groups).toEqual([{ ...STAMP, fields: ['s', 'c'], endedBy: 'age' }]);
      expect(correlator.counters.unterminated).toBe(1);
      expect(correlator.size).toBe(0);
    });

    it('only those that are old', () => {
      const { push, groups, correlator } = collect({ ageMs: 2_000 });
      for (const i of [0, 1, 2, 3]) push(SYSCALL, `s${i}`, at(i), 500 * i);
      correlator.expire(2_600);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['s0', 's1']);
      expect(correlator.size).toBe(2);
    });

    it('also those of one serial, each at its own time', () => {
      const { push, groups, correlator } = collect({ ageMs: 2_000 });
      push(SYSCALL, 'a', at(5, 1), 0);
      push(SYSCALL, 'b', at(5, 2), 1_000);
      correlator.expire(2_000);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['a']);
      correlator.expire(2_999);
      expect(groups).toHaveLength(1);
      correlator.expire(3_000);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['a', 'b']);
    });

    it('not held back by a younger one of the same serial as an older one', () => {
      const { push, groups, correlator } = collect({ ageMs: 2_000 });
      push(SYSCALL, 'a', at(5), 0, 'host-a');
      push(SYSCALL, 'c', at(6), 100, 'host-a');
      push(SYSCALL, 'b', at(5), 1_900, 'host-b');
      push(EOE, '', at(5), 1_950, 'host-a');
      correlator.expire(2_100);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['a', 'c']);
      correlator.expire(3_900);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['a', 'c', 'b']);
    });

    it('without counting what never was a system call', () => {
      const { push, correlator, groups } = collect();
      push(LOGIN, 'l', STAMP, 0);
      correlator.expire(10_000);
      expect(groups).toEqual([{ ...STAMP, fields: ['l'], endedBy: 'age' }]);
      expect(correlator.counters.unterminated).toBe(0);
    });
  });

  describe('keeps its limits', () => {
    it('of events under way: the oldest ends', () => {
      const { push, groups, correlator } = collect({ events: 3 });
      for (const i of [0, 1, 2, 3, 4]) push(SYSCALL, `s${i}`, at(i));
      expect(correlator.size).toBe(3);
      expect(groups.map(({ fields, endedBy }) => [fields[0], endedBy])).toEqual([
        ['s0', 'limit'],
        ['s1', 'limit'],
      ]);
      expect(correlator.counters.unterminated).toBe(2);
      push(EOE, '', at(2));
      expect(groups[2]).toMatchObject({ fields: ['s2'], endedBy: 'record' });
    });

    it('of events of one serial', () => {
      const { push, groups, correlator } = collect({ events: 2 });
      for (const seconds of [1, 2, 3]) push(SYSCALL, `s${seconds}`, at(5, seconds));
      expect(correlator.size).toBe(2);
      expect(groups.map(({ fields }) => fields[0])).toEqual(['s1']);
      correlator.flush();
      expect(groups.map(({ fields }) => fields[0]).sort()).toEqual(['s1', 's2', 's3']);
    });

    it('of records of an event, counting what it drops', () => {
      const { push, groups, correlator } = collect({ recordsPerEvent: 3 });
      for (const i of [0, 1, 2, 3, 4]) push(PATH, `p${i}`);
      push(EOE, '');
      expect(groups[0]!.fields).toEqual(['p0', 'p1', 'p2']);
      expect(correlator.counters.overLimit).toBe(2);
    });

    it('of bytes of an event, keeping what still fits', () => {
      const { push, groups, correlator } = collect({ bytesPerEvent: 10 });
      push(PATH, 'p234');
      push(PATH, 'p2345678');
      push(PATH, 'q23456');
      push(PATH, 'r');
      push(EOE, '');
      expect(groups[0]!.fields).toEqual(['p234', 'q23456']);
      expect(correlator.counters.overLimit).toBe(2);
    });

    it('of bytes of all events: the oldest end, empty records count too', () => {
      const { push, groups, correlator } = collect({ bytes: 1_000 });
      for (const i of [0, 1, 2]) push(SYSCALL, 's', at(i));
      expect(groups).toEqual([]);
      push(PATH, '', at(2));
      expect(groups.map(({ serial, endedBy }) => [serial, endedBy])).toEqual([[0, 'limit']]);
      push(PATH, 'p'.repeat(600), at(1));
      expect(groups.map(({ serial }) => serial)).toEqual([0, 1]);
      push(PATH, 'p'.repeat(600), at(2));
      expect(correlator.size).toBe(0);
      expect(correlator.counters).toEqual({ unterminated: 3, overLimit: 0 });
      // What was given back can be used again.
      for (const i of [5, 6, 7]) push(SYSCALL, 's', at(i));
      expect(correlator.size).toBe(3);
    });
  });

  it('ends everything when the source ends', () => {
    const { push, groups, correlator } = collect();
    push(SYSCALL, 'a', at(1));
    push(SYSCALL, 'b', at(2, 1));
    push(LOGIN, 'c', at(2, 2));
    correlator.flush();
    expect(groups.map(({ fields, endedBy }) => [fields[0], endedBy])).toEqual([
      ['a', 'flush'],
      ['b', 'flush'],
      ['c', 'flush'],
    ]);
    expect(correlator.size).toBe(0);
    expect(correlator.counters.unterminated).toBe(2);
  });

  it('groups any interleaving of events, from an arena that is written again after each batch', () => {
    const event = fc.record({
      serial: fc.integer({ min: 0xfffffffd, max: 0xffffffff }),
      seconds: fc.nat(2),
      node: fc.constantFrom(undefined, 'a', 'b'),
      fields: fc.array(fc.string({ unit: fc.constantFrom('x', '=', '"', 'é'), minLength: 1, maxLength: 9 }), {
        maxLength: 5,
      }),
      ends: fc.constantFrom([EOE], [PROCTITLE], [PROCTITLE, EOE], []),
    });
    const events = fc.uniqueArray(event, {
      maxLength: 12,
      selector: ({ serial, seconds, node }) => `${serial} ${seconds} ${node}`,
    });
    fc.assert(
      fc.property(
        events,
        fc.infiniteStream(fc.nat(0xffff)),
        fc.integer({ min: 1, max: 6 }),
        (list, random, batch) => {
          const groups: { key: string; fields: string[]; endedBy: string }[] = [];
          const correlator = new Correlator(({ seconds, serial, records, endedBy }) =>
            groups.push({ key: `${serial} ${seconds}`, fields: records.map(fieldsOf), endedBy }),
          );
          const queues = list.map(({ fields, ends, ...rest }) => ({
            ...rest,
            left: [
              ...fields.map((text): [number, string] => [PATH, text]),
              ...ends.map((type): [number, string] => [type, '']),
            ],
          }));
          const arena = Buffer.alloc(batch * 64);
          let used = 0;
          for (let alive = queues.filter(({ left }) => left.length > 0); alive.length > 0; ) {
            const { seconds, serial, node, left } = alive[random.next().value % alive.length]!;
            const [type, text] = left.shift()!;
            const bytes = payload(text, { seconds, milliseconds: 7, serial });
            arena.set(bytes, used * 64);
            correlator.push(parseRecord(type, arena, used * 64, used * 64 + bytes.length)!, 0, node);
            used = (used + 1) % batch;
            if (used === 0) {
              correlator.settle();
              arena.fill('#');
            }
            alive = queues.filter(queue => queue.left.length > 0);
          }
          correlator.settle();
          arena.fill('#');
          correlator.flush();

          const expected = list
            .filter(({ fields }) => fields.length > 0)
            .map(({ serial, seconds, fields, ends }) => ({
              key: `${serial} ${seconds}`,
              // Bytes come back as latin1 whatever they were.
              fields,
              endedBy: ends.length > 0 ? 'record' : 'flush',
            }));
          const sorted = (all: typeof groups): string[] => all.map(group => JSON.stringify(group)).sort();
          expect(sorted(groups)).toEqual(sorted(expected));
          expect(correlator.size).toBe(0);
        },
      ),
      { numRuns: 120 },
    );
  });
});
