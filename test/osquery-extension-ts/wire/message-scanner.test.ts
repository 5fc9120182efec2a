import fc from 'fast-check';
import { OsqueryError } from 'osquery-extension-ts';
import { describe, expect, it } from 'vitest';
import { MessageReader } from '../../../src/osquery-extension-ts/src/wire/message-reader.ts';
import { MessageScanner } from '../../../src/osquery-extension-ts/src/wire/message-scanner.ts';
import { message, written } from './messages.ts';

const LIMIT = 1 << 20;

const scan = (bytes: Uint8Array, limit = LIMIT): number | undefined =>
  new MessageScanner(limit).scan(bytes, bytes.length);

const call = (write: Parameters<typeof written>[0]): Buffer =>
  written(output => {
    output.writeMessageBegin('call', 1, 7);
    write(output);
  });

describe('MessageScanner', () => {
  it('finds the end of whatever the thrift package writes', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 8 }), (bytes, more) => {
        expect(scan(Buffer.concat([bytes, more]))).toBe(bytes.length);
      }),
    );
  });

  it('asks for more at every offset before the end', () => {
    fc.assert(
      fc.property(message, bytes => {
        for (let length = 0; length < bytes.length; length += 1) {
          expect(scan(bytes.subarray(0, length))).toBeUndefined();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('goes on where it stopped', () => {
    fc.assert(
      fc.property(message, fc.array(fc.nat(40), { minLength: 1, maxLength: 20 }), (bytes, steps) => {
        const scanner = new MessageScanner(LIMIT);
        let length = 0;
        let end: number | undefined;
        for (let i = 0; end === undefined; i += 1) {
          end = scanner.scan(bytes, length);
          length = Math.min(bytes.length, length + 1 + (steps[i % steps.length] ?? 0));
        }
        expect(end).toBe(bytes.length);
      }),
    );
  });

  it('refuses or waits, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (garbage, withHeader) => {
        const bytes = withHeader ? Buffer.concat([call(() => {}), garbage]) : Buffer.from(garbage);
        try {
          const end = scan(bytes);
          expect(end === undefined || (end > 0 && end <= bytes.length)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(OsqueryError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'OSQUERY_PROTOCOL'],
    ['another version', Buffer.from('80020001', 'hex'), 'OSQUERY_PROTOCOL'],
    [
      'an unknown type without a version',
      Buffer.from('0000000470696e67090000000100', 'hex'),
      'OSQUERY_PROTOCOL',
    ],
    ['a name of 200 bytes without a version', Buffer.from('000000c870696e670900', 'hex'), 'OSQUERY_PROTOCOL'],
    ['an unknown message type', Buffer.from('80010009', 'hex'), undefined],
    ['an unknown message type, with its name', Buffer.from('8001000900000004', 'hex'), 'OSQUERY_PROTOCOL'],
    ['a name of 4 GiB', Buffer.from('80010001fffffffe', 'hex'), 'OSQUERY_PROTOCOL'],
    ['a name of 1 GiB', Buffer.from('8001000140000000', 'hex'), 'OSQUERY_PROTOCOL'],
    ['an unknown field type', call(o => o.writeFieldBegin('', 99, 1)), 'OSQUERY_PROTOCOL'],
    [
      'a string of 2 GiB',
      call(o => {
        o.writeFieldBegin('', 11, 1);
        o.writeI32(0x7fffffff);
      }),
      'OSQUERY_TOO_LARGE',
    ],
    [
      'a string of 4 GiB',
      call(o => {
        o.writeFieldBegin('', 11, 1);
        o.writeI32(-1);
      }),
      'OSQUERY_PROTOCOL',
    ],
    [
      'a map of 2^31 - 1 entries',
      call(o => {
        o.writeFieldBegin('', 13, 3);
        o.writeMapBegin(11, 11, 0x7fffffff);
      }),
      'OSQUERY_TOO_LARGE',
    ],
    [
      'a list of 2^31 - 1 booleans',
      call(o => {
        o.writeFieldBegin('', 15, 3);
        o.writeListBegin(2, 0x7fffffff);
      }),
      'OSQUERY_TOO_LARGE',
    ],
    [
      'a list of a type without size',
      call(o => {
        o.writeFieldBegin('', 15, 3);
        o.writeListBegin(0, 1000);
      }),
      'OSQUERY_PROTOCOL',
    ],
    [
      'a map of a key without size',
      call(o => {
        o.writeFieldBegin('', 13, 3);
        o.writeMapBegin(1, 11, 1000);
      }),
      'OSQUERY_PROTOCOL',
    ],
    [
      'structs in structs without end',
      call(o => {
        for (let depth = 0; depth < 5000; depth += 1) o.writeFieldBegin('', 12, 1);
      }),
      'OSQUERY_PROTOCOL',
    ],
  ])('recognises %s', (_, bytes, code) => {
    let got: unknown;
    try {
      expect(scan(bytes)).toBeUndefined();
    } catch (error) {
      got = (error as OsqueryError).code;
    }
    expect(got).toBe(code);
  });

  it('finds the end of a message without a version, of which each byte comes alone', () => {
    const bytes = Buffer.from('0000000470696e67010000000100', 'hex');
    const scanner = new MessageScanner(1000);
    for (let length = 1; length < bytes.length; length += 1) {
      expect(scanner.scan(bytes, length)).toBeUndefined();
    }
    expect(scanner.scan(bytes, bytes.length)).toBe(bytes.length);
  });

  it('accepts an empty map that names no types', () => {
    const bytes = call(o => {
      o.writeFieldBegin('', 13, 3);
      o.writeMapBegin(0, 0, 0);
      o.writeFieldStop();
    });
    expect(scan(bytes)).toBe(bytes.length);
  });

  it('accepts a message of exactly the limit and no byte more', () => {
    const bytes = call(o => {
      o.writeFieldBegin('', 11, 1);
      o.writeString('x'.repeat(100));
      o.writeFieldStop();
    });
    expect(scan(bytes, bytes.length)).toBe(bytes.length);
    expect(() => scan(bytes, bytes.length - 1)).toThrowError(/the limit is/);
  });
});

describe('MessageReader', () => {
  it('gives back the messages of a stream, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        (messages, sizes) => {
          const stream = Buffer.concat(messages);
          const reader = new MessageReader(LIMIT);
          const got: Buffer[] = [];
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const size = sizes[i % sizes.length]!;
            reader.push(stream.subarray(at, at + size));
            at += size;
            for (let next = reader.next(); next !== undefined; next = reader.next()) got.push(next);
          }
          expect(got).toEqual(messages);
          expect(reader.pendingBytes).toBe(0);
        },
      ),
    );
  });
});
