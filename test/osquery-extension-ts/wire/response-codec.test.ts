import fc from 'fast-check';
import { OsqueryError } from 'osquery-extension-ts';
import { describe, expect, it } from 'vitest';
import {
  decodeRow,
  decodeRows,
  encodeRows,
  type PluginRow,
} from '../../../src/osquery-extension-ts/src/table/encoded-rows.ts';
import { ByteCursor } from '../../../src/osquery-extension-ts/src/wire/byte-cursor.ts';
import { answerGenerated, encodeException } from '../../../src/osquery-extension-ts/src/wire/reply-codec.ts';
import { encodeRequest } from '../../../src/osquery-extension-ts/src/wire/request-codec.ts';
import {
  encodeResponse,
  readCallArguments,
  readMessageHeader,
  readResponse,
} from '../../../src/osquery-extension-ts/src/wire/response-codec.ts';

/** Names and values with anything that UTF-8 can hold, but for two names that the generated code cannot carry. */
const row: fc.Arbitrary<PluginRow> = fc.dictionary(
  fc
    .string({ unit: 'grapheme', maxLength: 12 })
    .filter(name => name !== 'hasOwnProperty' && name !== '__proto__'),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  { maxKeys: 8, noNullPrototype: true },
);
const rows = fc.array(row, { maxLength: 12 });
const status = fc.record({
  code: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  message: fc.string({ unit: 'grapheme' }),
  uuid: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
});

describe('the reply of call', () => {
  it('is what the generated code reads', () => {
    fc.assert(
      fc.property(rows, status, (answer, given) => {
        const request = encodeRequest('Extension', 'call', 5, ['table', 't', {}]);
        const reply = Buffer.concat(encodeResponse('call', 5, given, encodeRows(answer)));
        const decoded = request.decode(reply) as {
          status: { code: number; message: string; uuid: object };
          response: PluginRow[];
        };
        expect(decoded.response).toEqual(answer);
        expect(decoded.status.code).toBe(given.code);
        expect(decoded.status.message).toBe(given.message);
        expect(Number(decoded.status.uuid)).toBe(given.uuid);
      }),
    );
  });

  it('is read as the generated code writes it', async () => {
    await fc.assert(
      fc.asyncProperty(rows, status, async (answer, given) => {
        const request = encodeRequest('Extension', 'call', 9, ['table', 't', {}]);
        const handler = {
          // The generated code tells promises from callbacks by the number of parameters.
          call: (_registry: string, _item: string, _request: object) => ({ status: given, response: answer }),
        };
        const reply = await answerGenerated('Extension', handler, request.bytes);
        const cursor = new ByteCursor(reply);
        const header = readMessageHeader(cursor);
        expect(header).toEqual({ name: 'call', type: 2, seqid: 9 });
        const decoded = readResponse(cursor, header);
        expect(decoded.status).toEqual(given);
        expect(decodeRows(decoded.rows)).toEqual(answer);
        expect(cursor.position).toBe(reply.length);
      }),
    );
  });

  it('fails with a typed error when cut anywhere', () => {
    const reply = Buffer.concat(
      encodeResponse(
        'call',
        1,
        { code: 0, message: 'OK', uuid: 3 },
        encodeRows([{ a: '1', b: '2' }, { a: '3' }]),
      ),
    );
    for (let length = 0; length < reply.length; length += 1) {
      const cursor = new ByteCursor(reply.subarray(0, length));
      expect(() => readResponse(cursor, readMessageHeader(cursor))).toThrowError(OsqueryError);
    }
  });

  it('fails with a typed error whatever one byte is changed to, or is read', () => {
    const reply = Buffer.concat(
      encodeResponse(
        'call',
        1,
        { code: 0, message: 'OK', uuid: 3 },
        encodeRows([{ a: '1', b: '2' }, { a: '3' }]),
      ),
    );
    fc.assert(
      fc.property(fc.nat(reply.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(reply);
        bytes[at] = byte;
        const cursor = new ByteCursor(bytes);
        try {
          decodeRows(readResponse(cursor, readMessageHeader(cursor)).rows);
        } catch (error) {
          expect(error).toBeInstanceOf(OsqueryError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('carries a Thrift exception as OSQUERY_APPLICATION', () => {
    const cursor = new ByteCursor(encodeException('call', 1, 1, 'Unknown function call'));
    const header = readMessageHeader(cursor);
    expect(() => readResponse(cursor, header)).toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_APPLICATION',
        message: 'call: Unknown function call (type 1)',
      }),
    );
    const request = encodeRequest('Extension', 'ping', 1, []);
    expect(() => request.decode(encodeException('ping', 1, 6, 'broken'))).toThrowError(
      expect.objectContaining({ code: 'OSQUERY_APPLICATION', message: 'ping: broken (type 6)' }),
    );
  });
});

describe('the arguments of call', () => {
  it('are read as the generated code writes them', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        row,
        (registry, item, request) => {
          const cursor = new ByteCursor(
            encodeRequest('Extension', 'call', 2, [registry, item, request]).bytes,
          );
          readMessageHeader(cursor);
          const { requestAt, ...read } = readCallArguments(cursor);
          expect(read).toEqual({ registry, item, request });
          expect(decodeRow(new ByteCursor(cursor.bytes, requestAt))).toEqual(request);
        },
      ),
    );
  });

  it('hold a name that is special in JavaScript', () => {
    const rowsIn = [JSON.parse('{"__proto__":"x","a":"y"}') as PluginRow];
    const [decoded] = decodeRows(encodeRows(rowsIn));
    expect(JSON.stringify(decoded)).toBe('{"__proto__":"x","a":"y"}');
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });
});

describe('encoded rows', () => {
  it('are decoded the same wherever their chunks are cut', () => {
    fc.assert(
      fc.property(
        rows,
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 9 }),
        (given, sizes) => {
          const { count, chunks } = encodeRows(given);
          const bytes = Buffer.concat(chunks);
          const cut: Uint8Array[] = [];
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const size = sizes[i % sizes.length]!;
            cut.push(new Uint8Array(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(decodeRows({ count, chunks: cut })).toEqual(given);
        },
      ),
    );
  });

  it('are refused when the count is wrong', () => {
    const encoded = encodeRows([{ a: '1' }, { a: '2' }]);
    for (const count of [0, 1, 3]) {
      expect(() => decodeRows({ ...encoded, count })).toThrowError(
        expect.objectContaining({ code: 'OSQUERY_PROTOCOL' }),
      );
    }
  });

  it('hold text only', () => {
    expect(() => encodeRows([{ a: 1 } as unknown as PluginRow])).toThrowError(/value of "a" is number/);
  });
});
