import { Correlator, isUserMessage, type RecordGroup } from '../../../src/audit/correlator.ts';
import { parseRecord } from '../../../src/audit/record.ts';
import { payload } from '../../audit/kernel-records.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';

const TYPES = [
  1300, 1300, 1302, 1306, 1307, 1309, 1309, 1320, 1320, 1327, 1006, 1305, 1400, 1101, 1199, 2100,
];
const EOE = 1320;
const PROCTITLE = 1327;
const NODES = [undefined, 'a', 'b'] as const;
const LIMITS = { ageMs: 100, events: 5, recordsPerEvent: 6, bytesPerEvent: 200, bytes: 1_800 };
const ARENA_BYTES = 1_024;

interface Pushed {
  readonly key: string;
  readonly text: string;
}

/**
 * A sequence of records, of waiting and of batches, two bytes a step: each record comes out in its own event, once and
 * unchanged, or is counted; and no more is held than the limits say.
 */
export const correlator: FuzzTarget = {
  name: 'correlator',
  maxBytes: 240,
  seeds: () => [
    // An exec, whole; two that interleave; one without its end; user messages in between.
    Buffer.from([0, 0, 5, 0, 4, 0, 2, 0, 9, 0, 7, 0]),
    Buffer.from([0, 0, 0, 1, 5, 0, 5, 1, 7, 1, 16, 0, 7, 0]),
    Buffer.from([0, 0, 5, 0, 16, 0, 17, 200, 18, 0, 13, 3, 7, 0]),
    Buffer.from(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 0 : i * 4))),
  ],
  words: ['\x00\x00', '\x07\x00', '\x10\x00', '\x11\xff', '\x12\x00', '\x05\x01'],
  run(input) {
    const waiting = new Map<object, Pushed>();
    const groups: RecordGroup[] = [];
    let out = 0;
    let now = 0;
    let ends = 0;
    const correlating = new Correlator(group => {
      groups.push(group);
      out += group.records.length;
      const key = `${group.seconds}.${group.milliseconds}:${group.serial}`;
      for (const record of group.records) {
        const pushed = waiting.get(record);
        check(pushed !== undefined, 'a record comes out twice, or was never pushed');
        check(pushed!.key.startsWith(key), 'a record comes out in another event');
        checkEqual(
          record.bytes.toString('latin1', record.start, record.end),
          pushed!.text,
          'bytes of a record',
        );
        waiting.delete(record);
      }
      check(new Set(group.records).size === group.records.length, 'a record is twice in its event');
    }, LIMITS);

    // As the stream does it: an arena that is written again after each batch.
    const arena = Buffer.alloc(ARENA_BYTES);
    let used = 0;
    const settle = (): void => {
      correlating.settle();
      arena.fill('#');
      used = 0;
    };
    let pushedCount = 0;
    for (let at = 0; at + 1 < input.length; at += 2) {
      const step = input[at]! % 19;
      const value = input[at + 1]!;
      if (step === 16) settle();
      else if (step === 17) now += value;
      else if (step === 18) correlating.expire(now);
      else {
        const type = TYPES[step]!;
        const serial = value & 3;
        const stamp = { seconds: 100 + ((value >> 2) & 1), milliseconds: (value >> 3) & 1, serial };
        const node = NODES[(value >> 4) % 3];
        const text = `n=${pushedCount} ${'x'.repeat((value >> 6) * 40)}`.trimEnd();
        const bytes = payload(text, stamp);
        if (used + bytes.length > arena.length) settle();
        arena.set(bytes, used);
        const record = parseRecord(type, arena, used, used + bytes.length)!;
        used += bytes.length;
        pushedCount++;
        if (type === EOE || (type === PROCTITLE && !isUserMessage(type))) ends++;
        else {
          const key = `${stamp.seconds}.${stamp.milliseconds}:${serial}/${node ?? ''}`;
          waiting.set(record, { key, text });
        }
        const before = correlating.counters.overLimit;
        const outBefore = out;
        correlating.push(record, now, node);
        if (correlating.counters.overLimit > before) waiting.delete(record);
        if (isUserMessage(type)) checkEqual(out - outBefore, 1, 'records out for one of user space');
      }
      check(correlating.size <= LIMITS.events, `${correlating.size} events under way`);
      check(waiting.size <= LIMITS.events * LIMITS.recordsPerEvent, `${waiting.size} records held`);
    }
    correlating.flush();
    checkEqual(correlating.size, 0, 'events under way at the end');
    checkEqual(waiting.size, 0, 'records that never came out');
    checkEqual(out + correlating.counters.overLimit + ends, pushedCount, 'records in all');
    const cut = groups.filter(
      ({ endedBy, records }) => endedBy !== 'record' && records.some(({ type }) => type === 1300),
    );
    checkEqual(correlating.counters.unterminated, cut.length, 'events without their end');
  },
};
