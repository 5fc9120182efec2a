import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordGroup } from '../../../src/audit/correlator.ts';
import type { AuditRecord } from '../../../src/audit/record.ts';
import {
  type GroupBatch,
  GroupBatchReader,
  GroupBatchWriter,
} from '../../../src/ingest/replay/group-batch.ts';

interface Described {
  readonly name: readonly [seconds: number, milliseconds: number, serial: number, node: string | undefined];
  readonly endedBy: RecordGroup['endedBy'];
  readonly records: readonly (readonly [type: number, fields: Buffer, interpreted: Buffer])[];
  /** Whether the records lie in one buffer, with something between them. */
  readonly isOnePiece: boolean;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map(of => Buffer.from(of));
const described: fc.Arbitrary<Described> = fc.record({
  name: fc.tuple(
    fc.nat(2 ** 40),
    fc.nat(999),
    fc.nat(0xffffffff),
    fc.option(fc.constantFrom('web1', 'web2', ''), { nil: undefined }),
  ),
  endedBy: fc.constantFrom('record', 'age', 'limit', 'flush'),
  records: fc.array(fc.tuple(fc.integer({ min: 1, max: 0xffff }), bytes, bytes), {
    minLength: 1,
    maxLength: 6,
  }),
  isOnePiece: fc.boolean(),
});

const groupOf = ({ name, endedBy, records, isOnePiece }: Described): RecordGroup => {
  const [seconds, milliseconds, serial, node] = name;
  const between = Buffer.from('between');
  const shared = Buffer.concat(records.flatMap(([, fields, more]) => [between, fields, more]));
  let at = 0;
  const placed = records.map(([type, fields, more]): AuditRecord => {
    at += between.length;
    const own = isOnePiece ? shared : Buffer.concat([fields, more]);
    const start = isOnePiece ? at : 0;
    at += fields.length + more.length;
    const end = start + fields.length;
    return { type, seconds, milliseconds, serial, bytes: own, start, end, interpretedEnd: end + more.length };
  });
  return { seconds, milliseconds, serial, node, endedBy, isLogged: true, records: placed };
};

const plain = ({ records, ...rest }: RecordGroup) => ({
  ...rest,
  records: records.map(({ bytes, start, end, interpretedEnd, type, seconds, milliseconds, serial }) => ({
    name: [type, seconds, milliseconds, serial],
    fields: bytes.toString('latin1', start, end),
    interpreted: bytes.toString('latin1', end, interpretedEnd),
  })),
});

test('what goes in comes out, in batches of any size, with memory that is used again', () => {
  const writer = new GroupBatchWriter();
  const reader = new GroupBatchReader();
  fc.assert(
    fc.property(fc.array(fc.array(described, { maxLength: 8 }), { maxLength: 4 }), batches => {
      for (const batch of batches) {
        const groups = batch.map(groupOf);
        for (const group of groups) writer.append(group);
        const taken = writer.take();
        expect(taken === undefined).toBe(groups.length === 0);
        if (taken === undefined) continue;
        const sent: GroupBatch = structuredClone(taken);
        const out: ReturnType<typeof plain>[] = [];
        reader.read(sent, group => out.push(plain(group)));
        expect(out).toEqual(groups.map(plain));
        writer.reuse(taken.bytes.buffer);
      }
    }),
  );
});

test('batches grow beyond the room that they begin with', () => {
  const writer = new GroupBatchWriter();
  const fields = Buffer.alloc(700, 'x');
  const record = (serial: number): AuditRecord => ({
    type: 1300,
    seconds: 1,
    milliseconds: 2,
    serial,
    bytes: fields,
    start: 0,
    end: fields.length,
    interpretedEnd: fields.length,
  });
  const count = 3_000;
  for (let serial = 0; serial < count; serial++) {
    const records = [1, 2, 3].map(() => record(serial));
    writer.append({ seconds: 1, milliseconds: 2, serial, isLogged: true, records, endedBy: 'flush' });
  }
  let next = 0;
  new GroupBatchReader().read(writer.take()!, ({ serial, records }) => {
    expect(serial).toBe(next++);
    for (const { bytes, start, end } of records) expect(bytes.subarray(start, end)).toEqual(fields);
  });
  expect(next).toBe(count);
  expect(writer.take()).toBeUndefined();
});
