import fc from 'fast-check';
import thrift, { type Reader, type Writer } from 'thrift';

// Messages made with the thrift package itself, so that our readers are compared with it and not with our writers.

/** A Thrift value, as its type number and what goes into it. */
export type Value =
  | { type: 2 | 3 | 6 | 8 | 10 | 4; bytes: number[] }
  | { type: 11; text: string }
  | { type: 12; fields: [number, Value][] }
  | { type: 13; entries: [string, string][] }
  | { type: 15 | 14; element: number; values: Value[] };

const WIDTH = { 2: 1, 3: 1, 6: 2, 8: 4, 10: 8, 4: 8 } as const;

const scalar = fc
  .constantFrom(2, 3, 6, 8, 10, 4)
  .chain(type =>
    fc.array(fc.nat(255), { minLength: WIDTH[type], maxLength: WIDTH[type] }).map(bytes => ({ type, bytes })),
  );
const text = fc.string({ unit: 'binary', maxLength: 20 }).map(value => ({ type: 11 as const, text: value }));
const entries = fc
  .array(fc.tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })), { maxLength: 4 })
  .map(pairs => ({ type: 13 as const, entries: pairs }));

/** Any Thrift value, nested up to four deep. */
export const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar as fc.Arbitrary<Value>,
    text,
    entries,
    fc
      .array(fc.tuple(fc.integer({ min: -32768, max: 32767 }), tie('value')), { maxLength: 4 })
      .map(fields => ({ type: 12 as const, fields })),
    fc
      .tuple(fc.constantFrom(14 as const, 15 as const), fc.array(text, { maxLength: 4 }))
      .map(([type, values]) => ({ type, element: 11, values })),
  ),
})).value;

/** A whole message: name, number, and fields of its struct. */
export const message = fc
  .record({
    name: fc.string({ unit: fc.constantFrom(...'abcXYZ_0'), minLength: 1, maxLength: 20 }),
    seqid: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    type: fc.constantFrom(1, 2, 3, 4),
    fields: fc.array(fc.tuple(fc.nat(10), value), { maxLength: 5 }),
  })
  .map(({ name, seqid, type, fields }) =>
    written(output => {
      output.writeMessageBegin(name, type, seqid);
      writeValue(output, { type: 12, fields });
      output.writeMessageEnd();
    }),
  );

/** What the thrift package writes. */
export function written(write: (output: Writer) => void): Buffer {
  let bytes: Buffer = Buffer.alloc(0);
  const transport = new thrift.TBufferedTransport(undefined, message => {
    bytes = message;
  });
  const output = new thrift.TBinaryProtocol(transport) as unknown as Writer;
  write(output);
  output.flush();
  return bytes;
}

/** Reads bytes with the thrift package. */
export function read<T>(bytes: Uint8Array, use: (input: Reader) => T): T {
  let result: T | undefined;
  thrift.TBufferedTransport.receiver(transport => {
    result = use(new thrift.TBinaryProtocol(transport, true) as unknown as Reader);
  })(Buffer.from(bytes));
  return result as T;
}

/** Reads one `map<string,string>` with the thrift package. */
export function readRow(input: Reader): Record<string, string> {
  const row: Record<string, string> = {};
  const { ktype, vtype, size } = input.readMapBegin();
  if (size > 0 && (ktype !== 11 || vtype !== 11)) throw new Error(`map of ${ktype} to ${vtype}`);
  for (let i = 0; i < size; i += 1) {
    const name = input.readString();
    Object.defineProperty(row, name, { value: input.readString(), enumerable: true, configurable: true });
  }
  return row;
}

function writeValue(output: Writer, item: Value): void {
  switch (item.type) {
    case 11:
      output.writeString(item.text);
      return;
    case 12:
      for (const [id, field] of item.fields) {
        output.writeFieldBegin('', field.type, id);
        writeValue(output, field);
      }
      output.writeFieldStop();
      return;
    case 13:
      output.writeMapBegin(11, 11, item.entries.length);
      for (const [key, entry] of item.entries) {
        output.writeString(key);
        output.writeString(entry);
      }
      return;
    case 14:
    case 15:
      output.writeListBegin(item.element, item.values.length);
      for (const element of item.values) writeValue(output, element);
      return;
    default:
      for (const byte of item.bytes) output.writeByte(byte);
  }
}
