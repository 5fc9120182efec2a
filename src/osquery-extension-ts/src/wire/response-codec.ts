import { type ExtensionStatus, type ExtensionUuid, OsqueryError } from '../errors.ts';
import type { ExtensionInfo } from '../extension-info.ts';
import {
  decodeRow,
  type EncodedRows,
  type LateChunk,
  type PluginRow,
  skipRow,
} from '../table/encoded-rows.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  M_EXCEPTION,
  M_REPLY,
  T_I32,
  T_I64,
  T_LIST,
  T_MAP,
  T_STOP,
  T_STRING,
  T_STRUCT,
  VERSION_1,
} from './thrift-types.ts';

// The messages that carry rows, such as `call`. The generated code would build an object for every row and every
// reply; these functions write and read the same bytes directly from and to encoded rows.

/** A message's name, type and number. */
export interface MessageHeader {
  readonly name: string;
  readonly type: number;
  readonly seqid: number;
}

/**
 * Reads a TBinaryProtocol header; the cursor is then at the arguments or the result struct. As in Apache Thrift for
 * C++ a message need not be strict, with a version: without one it begins with the length of its name.
 */
export function readMessageHeader(cursor: ByteCursor): MessageHeader {
  const version = cursor.i32();
  if (version >= 0) {
    cursor.position -= 4;
    const name = cursor.string();
    return { name, type: cursor.byte(), seqid: cursor.i32() };
  }
  if (version >>> 16 !== VERSION_1) {
    const begin = (version >>> 0).toString(16);
    throw new OsqueryError('OSQUERY_PROTOCOL', `not a Thrift message: begins with ${begin}`);
  }
  const name = cursor.string();
  return { name, type: version & 0xff, seqid: cursor.i32() };
}

/** Arguments of `call`. */
export interface CallArguments {
  readonly registry: string;
  readonly item: string;
  readonly request: PluginRow;
  /** Where the request begins in the message; 0 if there is none. */
  readonly requestAt: number;
}

/** Reads the arguments of `call`; missing or malformed ones are empty. */
export function readCallArguments(cursor: ByteCursor): CallArguments {
  let registry = '';
  let item = '';
  let request: PluginRow = {};
  let requestAt = 0;
  cursor.struct((id, type) => {
    if (id === 1 && type === T_STRING) registry = cursor.string();
    else if (id === 2 && type === T_STRING) item = cursor.string();
    else if (id === 3 && type === T_MAP) {
      requestAt = cursor.position;
      request = decodeRow(cursor);
    } else return false;
    return true;
  });
  return { registry, item, request, requestAt };
}

/** The reply of `call`, `query` or `getQueryColumns`: header, the rows' own chunks, tail. Nothing is copied. */
export function encodeResponse<Chunk extends Uint8Array | LateChunk>(
  name: string,
  seqid: number,
  status: ExtensionStatus,
  rows: EncodedRows<Chunk>,
): readonly (Uint8Array | Chunk)[] {
  const head = replyOf(name, seqid, status);
  head.byte(T_STRUCT); // status
  head.i16(1);
  writeStatus(head, status);
  head.byte(T_LIST); // response
  head.i16(2);
  head.byte(T_MAP);
  head.i32(rows.count);
  return [head.take(), ...rows.chunks, RESPONSE_END];
}

/** Ends of the response and of the result. */
const RESPONSE_END: Uint8Array = Buffer.from([T_STOP, T_STOP]);

/** The reply of a method that returns only a status, such as `ping`. */
export function encodeStatusReply(name: string, seqid: number, status: ExtensionStatus): Buffer {
  const out = replyOf(name, seqid, status);
  writeStatus(out, status);
  out.byte(T_STOP);
  return out.take();
}

/** A reply up to the struct that the method returns. */
function replyOf(name: string, seqid: number, status: ExtensionStatus): ByteWriter {
  const out = new ByteWriter(64 + name.length + status.message.length * 3);
  out.i32((VERSION_1 << 16) | M_REPLY);
  out.string(name);
  out.i32(seqid);
  out.byte(T_STRUCT); // success
  out.i16(0);
  return out;
}

function writeStatus(out: ByteWriter, { code, message, uuid }: ExtensionStatus): void {
  out.byte(T_I32);
  out.i16(1);
  out.i32(code);
  out.byte(T_STRING);
  out.i16(2);
  out.string(message);
  out.byte(T_I64);
  out.i16(3);
  out.i64(uuid);
  out.byte(T_STOP);
}

/** An ExtensionResponse with its rows still encoded, as one chunk of the message it came in. */
export interface EncodedResponse {
  readonly status: ExtensionStatus;
  readonly rows: EncodedRows<Uint8Array>;
}

/**
 * Reads the result struct of a reply that carries rows.
 *
 * @throws OsqueryError OSQUERY_APPLICATION for a Thrift exception, OSQUERY_PROTOCOL for anything else unexpected
 */
export function readResponse(cursor: ByteCursor, header: MessageHeader): EncodedResponse {
  if (header.type === M_EXCEPTION) throw readApplicationException(cursor, header.name);
  let status: ExtensionStatus | undefined;
  let rows: EncodedRows<Uint8Array> = { count: 0, chunks: [] };
  cursor.struct((id, type) => {
    if (id !== 0 || type !== T_STRUCT) return false;
    cursor.struct((field, fieldType) => {
      if (field === 1 && fieldType === T_STRUCT) status = readStatus(cursor);
      else if (field === 2 && fieldType === T_LIST) rows = readRows(cursor);
      else return false;
      return true;
    });
    return true;
  });
  if (status === undefined) {
    throw new OsqueryError('OSQUERY_PROTOCOL', `reply to ${header.name} has no status`);
  }
  return { status, rows };
}

function readStatus(cursor: ByteCursor): ExtensionStatus {
  let code = 0;
  let message = '';
  let uuid: ExtensionUuid = 0;
  cursor.struct((id, type) => {
    if (id === 1 && type === T_I32) code = cursor.i32();
    else if (id === 2 && type === T_STRING) message = cursor.string();
    else if (id === 3 && type === T_I64) uuid = cursor.i64();
    else return false;
    return true;
  });
  return { code, message, uuid };
}

/**
 * Reads the answer to `extensions`. The generated code would round uuids, because it makes them keys of an object.
 */
export function readExtensionList(
  cursor: ByteCursor,
  header: MessageHeader,
): Map<ExtensionUuid, ExtensionInfo> {
  if (header.type === M_EXCEPTION) throw readApplicationException(cursor, header.name);
  const list = new Map<ExtensionUuid, ExtensionInfo>();
  cursor.struct((id, type) => {
    if (id !== 0 || type !== T_MAP) return false;
    const [key, value, count] = [cursor.byte(), cursor.byte(), cursor.count()];
    if (count > 0 && (key !== T_I64 || value !== T_STRUCT)) {
      throw new OsqueryError(
        'OSQUERY_PROTOCOL',
        `reply to ${header.name}: map of types ${key} and ${value}; expected (10, 12)`,
      );
    }
    for (let left = count; left > 0; left -= 1) list.set(cursor.i64(), readExtensionInfo(cursor));
    return true;
  });
  return list;
}

function readExtensionInfo(cursor: ByteCursor): ExtensionInfo {
  const texts = ['', '', '', ''];
  cursor.struct((id, type) => {
    if (type !== T_STRING || id < 1 || id > texts.length) return false;
    texts[id - 1] = cursor.string();
    return true;
  });
  const [name = '', version = '', sdkVersion = '', minSdkVersion = ''] = texts;
  return { name, version, sdkVersion, minSdkVersion };
}

function readRows(cursor: ByteCursor): EncodedRows<Uint8Array> {
  const element = cursor.byte();
  const count = cursor.count();
  if (count === 0) return { count: 0, chunks: [] };
  if (element !== T_MAP) {
    throw new OsqueryError('OSQUERY_PROTOCOL', `list of type ${element} where rows were expected (13)`);
  }
  const start = cursor.position;
  for (let left = count; left > 0; left -= 1) skipRow(cursor);
  return { count, chunks: [cursor.bytes.subarray(start, cursor.position)] };
}

function readApplicationException(cursor: ByteCursor, name: string): OsqueryError {
  let message = '';
  let kind = 0;
  cursor.struct((id, type) => {
    if (id === 1 && type === T_STRING) message = cursor.string();
    else if (id === 2 && type === T_I32) kind = cursor.i32();
    else return false;
    return true;
  });
  return new OsqueryError(
    'OSQUERY_APPLICATION',
    `${name}: ${message || 'Thrift application exception'} (type ${kind})`,
  );
}
