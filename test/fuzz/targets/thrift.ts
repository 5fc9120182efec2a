import { OsqueryError } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import type { Reader } from 'thrift';
import types from '../../../src/osquery-extension-ts/src/gen-nodejs/osquery_types.js';
import { ByteCursor } from '../../../src/osquery-extension-ts/src/wire/byte-cursor.ts';
import { MessageReader } from '../../../src/osquery-extension-ts/src/wire/message-reader.ts';
import { encodeRequest } from '../../../src/osquery-extension-ts/src/wire/request-codec.ts';
import {
  encodeResponse,
  readCallArguments,
  readMessageHeader,
  readResponse,
} from '../../../src/osquery-extension-ts/src/wire/response-codec.ts';
import { read } from '../../osquery-extension-ts/wire/messages.ts';
import { check, checkEqual, type FuzzTarget, refusals, show } from '../target.ts';

const MAX_BYTES = 2_000;

const words = [
  '800100010000000463616c6c00000000',
  '0b0001',
  '0b0002',
  '0d00030b0b',
  '0c0000',
  '0f00020d',
  '0f00030c',
  '00000001',
  'ffffffff',
  '7fffffff',
  '80000000',
  '00',
  '0000000006616374696f6e',
  '000000095f5f70726f746f5f5f',
  '100001',
].map(hex => Buffer.from(hex, 'hex'));

/** The messages in a stream, read in pieces; `refused` if the connection would be closed behind them. */
const messagesIn = (
  pieces: readonly Uint8Array[],
): { messages: Buffer[]; refused: boolean; pending: number } => {
  const reader = new MessageReader(MAX_BYTES);
  const messages: Buffer[] = [];
  try {
    for (const piece of pieces) {
      // A copy: what is given to the reader is its own.
      reader.push(Buffer.from(piece));
      for (let next = reader.next(); next !== undefined; next = reader.next()) messages.push(next);
    }
  } catch (error) {
    if (!(error instanceof OsqueryError)) throw error;
    return { messages, refused: true, pending: 0 };
  }
  return { messages, refused: false, pending: reader.pendingBytes };
};

/** The arguments of `call`, by the thrift package. */
const callByThrift = (message: Buffer): unknown =>
  read(message, input => {
    input.readMessageBegin();
    return fieldsOf(input);
  });

const fieldsOf = (input: Reader & { skip?(type: number): void }): unknown => {
  let registry = '';
  let item = '';
  let request: [string, string][] = [];
  for (;;) {
    const { ftype, fid } = input.readFieldBegin();
    if (ftype === 0) return { registry, item, request };
    if (fid === 1 && ftype === 11) registry = input.readString();
    else if (fid === 2 && ftype === 11) item = input.readString();
    else if (fid === 3 && ftype === 13) {
      const { ktype, vtype, size } = input.readMapBegin();
      if (size > 0 && (ktype !== 11 || vtype !== 11)) return undefined;
      const entries = new Map<string, string>();
      for (let i = 0; i < size; i++) {
        const name = input.readString();
        entries.set(name, input.readString());
      }
      request = [...entries];
    } else input.skip!(ftype);
  }
};

/** What comes in at the extension's socket: the same messages however it is split, and what the thrift package reads of them. */
export const thriftRequest: FuzzTarget = {
  name: 'thrift-request',
  maxBytes: 1_200,
  seeds: () => [
    encodeRequest('Extension', 'ping', 1, []).bytes,
    encodeRequest('Extension', 'shutdown', 2, []).bytes,
    encodeRequest('Extension', 'call', 3, ['table', 't', { action: 'generate', context: '{}' }]).bytes,
    encodeRequest('ExtensionManager', 'options', 4, []).bytes,
    encodeRequest('ExtensionManager', 'registerExtension', 5, [
      new (thriftTypes())({ name: 'n', version: '1', sdk_version: '1', min_sdk_version: '1' }),
      { table: { t: [{ id: 'column', name: 'a', type: 'TEXT', op: '0' }] } },
    ]).bytes,
    Buffer.concat([
      encodeRequest('Extension', 'ping', 1, []).bytes,
      encodeRequest('Extension', 'call', 3, ['table', 't', {}]).bytes,
    ]),
    // call(1: list of structs of maps, 9: uuid)
    Buffer.from(
      '800100010000000463616c6c000000010f00010c000000020d00010b0800000001000000016100000001000010000900112233445566778899aabbccddeeff00',
      'hex',
    ),
  ],
  words,
  run(input) {
    const whole = messagesIn([input]);
    const taken = whole.messages.reduce((sum, { length }) => sum + length, 0);
    if (!whole.refused) checkEqual(taken + whole.pending, input.length, 'bytes taken and pending');
    check(
      taken <= input.length && whole.messages.every(({ length }) => length <= MAX_BYTES),
      'bytes of messages',
    );
    const step = 1 + (input.length % 23);
    const pieces: Buffer[] = [];
    for (let at = 0; at < input.length; at += step) pieces.push(input.subarray(at, at + step));
    const split = messagesIn(pieces);
    checkEqual(split.refused, whole.refused, 'whether it is refused in pieces');
    check(
      split.messages.length === whole.messages.length &&
        split.messages.every((message, index) => message.equals(whole.messages[index]!)),
      'the same messages in pieces',
    );
    for (const message of whole.messages) {
      const cursor = new ByteCursor(message);
      const { name } = readMessageHeader(cursor);
      if (name !== 'call') continue;
      const got = refusals(OsqueryError, () => readCallArguments(cursor));
      if (got === undefined) continue;
      checkEqual(cursor.position, message.length, 'bytes of the arguments');
      check(
        Object.getPrototypeOf(got.request) === Object.prototype,
        'a request with the prototype of an object',
      );
      let expected: unknown;
      try {
        expected = callByThrift(message);
      } catch {
        // It knows fewer types.
        continue;
      }
      const { registry, item, request } = got;
      // JavaScript sorts names that are numbers; Thrift does not.
      const sorted = (entries: [string, string][]): [string, string][] =>
        entries.sort(([a], [b]) => (a < b ? -1 : 1));
      const { request: other, ...rest } = expected as { request: [string, string][] };
      checkEqual(
        show({ registry, item, request: sorted(Object.entries(request)) }),
        show({ ...rest, request: sorted(other) }),
        'arguments',
      );
    }
  },
};

/** What core answers: refused, or rows that decode. */
export const thriftReply: FuzzTarget = {
  name: 'thrift-reply',
  maxBytes: 800,
  seeds: () => {
    const row = Buffer.from('0b0b000000020000000161000000027878000000016200000000', 'hex');
    const status = { code: 0, message: 'OK', uuid: 31 };
    return [
      Buffer.concat(encodeResponse('call', 1, status, { count: 0, chunks: [] })),
      Buffer.concat(encodeResponse('query', 2, { ...status, code: 1 }, { count: 2, chunks: [row, row] })),
      Buffer.from('800100030000000463616c6c000000010b00010000000278790800020000000600', 'hex'),
    ];
  },
  words,
  run(input) {
    for (const message of messagesIn([input]).messages) {
      const cursor = new ByteCursor(message);
      const response = refusals(OsqueryError, () => readResponse(cursor, readMessageHeader(cursor)));
      if (response === undefined) continue;
      const { status, rows } = response;
      // An i64: what a number cannot hold is a bigint.
      check(Number.isSafeInteger(status.uuid) || typeof status.uuid === 'bigint', 'a uuid');
      check(typeof status.message === 'string', 'a message');
      checkEqual(decodeRows(rows).length, rows.count, 'rows');
      // What was read can be written, and says the same.
      const again = Buffer.concat(encodeResponse('x', 1, status, rows));
      const second = new ByteCursor(again);
      const same = readResponse(second, readMessageHeader(second));
      checkEqual(show(same.status), show(status), 'status written and read');
      checkEqual(show(decodeRows(same.rows)), show(decodeRows(rows)), 'rows written and read');
    }
  },
};

const thriftTypes = () => types.InternalExtensionInfo as new (values: object) => object;
