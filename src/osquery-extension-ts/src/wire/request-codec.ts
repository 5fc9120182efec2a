import thrift from 'thrift';
import { OsqueryError, shown } from '../errors.ts';
import extensionService, { type GeneratedClient } from '../gen-nodejs/Extension.js';
import managerService from '../gen-nodejs/ExtensionManager.js';
import type { PluginRequest } from '../table/encoded-rows.ts';
import { ByteWriter } from './byte-writer.ts';
import { M_CALL, T_MAP, T_STOP, T_STRING, VERSION_1 } from './thrift-types.ts';

const { TBinaryProtocol, TBufferedTransport } = thrift;

/** The Thrift service of the other side. */
export type Service = 'Extension' | 'ExtensionManager';

/** A request ready to be sent. */
export interface SentRequest {
  readonly method: string;
  readonly seqid: number;
  readonly bytes: Buffer;
}

/** A request, and how to read its reply with the generated code. */
export interface EncodedRequest extends SentRequest {
  /**
   * Decodes a whole reply message into the generated types.
   *
   * @throws OsqueryError OSQUERY_APPLICATION or OSQUERY_PROTOCOL
   */
  decode(reply: Buffer): unknown;
}

/** One `call` of a plugin. */
export interface PluginCallRequest {
  readonly registry: string;
  readonly item: string;
  readonly request: PluginRequest;
}

/** Usual size of a `call`, in bytes. */
const CALL_BYTES = 256;

/** Encodes a `call`: the same bytes as from the generated client, in a tenth of its time. */
export function encodeCall(seqid: number, { registry, item, request }: PluginCallRequest): SentRequest {
  const method = 'call';
  const out = new ByteWriter(CALL_BYTES);
  out.i32((VERSION_1 << 16) | M_CALL);
  out.string(method);
  out.i32(seqid);
  out.byte(T_STRING);
  out.i16(1);
  out.string(registry);
  out.byte(T_STRING);
  out.i16(2);
  out.string(item);
  out.byte(T_MAP);
  out.i16(3);
  out.byte(T_STRING);
  out.byte(T_STRING);
  const names = Object.keys(request);
  out.i32(names.length);
  for (const name of names) {
    out.string(name);
    writeValue(out, request, name);
  }
  out.byte(T_STOP);
  return { method, seqid, bytes: out.take() };
}

function writeValue(out: ByteWriter, request: PluginRequest, name: string): void {
  const value: unknown = request[name];
  if (typeof value === 'string') {
    out.string(value);
  } else if (value instanceof Uint8Array) {
    out.i32(value.length);
    out.raw(value);
  } else {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `call: ${JSON.stringify(name)} of the request is ${shown(value)}; a request holds text or bytes`,
    );
  }
}

type Callback = (error: unknown, result?: unknown) => void;

/** Encodes one request with the generated client of the `thrift` package. */
export function encodeRequest(
  service: Service,
  method: string,
  seqid: number,
  args: readonly unknown[],
): EncodedRequest {
  let bytes: Buffer | undefined;
  const output = new TBufferedTransport(undefined, message => {
    bytes = message;
  });
  const { Client } = service === 'Extension' ? extensionService : managerService;
  const client = new Client(output, TBinaryProtocol);
  client._seqid = seqid;
  try {
    (client[`send_${method}`] as (...values: unknown[]) => void).apply(client, [...args]);
  } catch (cause) {
    throw new OsqueryError('OSQUERY_INVALID', `${method}: arguments cannot be sent: ${String(cause)}`, {
      cause,
    });
  }
  if (bytes === undefined) throw new OsqueryError('OSQUERY_INVALID', `${method}: nothing to send`);
  return { method, seqid, bytes, decode: reply => decodeReply(client, method, seqid, reply) };
}

function decodeReply(client: GeneratedClient, method: string, seqid: number, reply: Buffer): unknown {
  let answered = false;
  let failure: unknown;
  let result: unknown;
  const callback: Callback = (error, value) => {
    answered = true;
    failure = error;
    result = value;
  };
  (client._reqs as Record<number, Callback>)[seqid] = callback;
  try {
    TBufferedTransport.receiver(transport => {
      const input = new TBinaryProtocol(transport, false);
      const header = input.readMessageBegin();
      (client[`recv_${method}`] as (...values: unknown[]) => void).call(
        client,
        input,
        header.mtype,
        header.rseqid,
      );
    })(reply);
  } catch (cause) {
    throw new OsqueryError('OSQUERY_PROTOCOL', `reply to ${method} cannot be read: ${String(cause)}`, {
      cause,
    });
  }
  // `undefined` for success of a method without a result.
  if (failure !== null && failure !== undefined) {
    if (failure instanceof thrift.Thrift.TApplicationException) {
      throw new OsqueryError('OSQUERY_APPLICATION', `${method}: ${failure.message} (type ${failure.type})`, {
        cause: failure,
      });
    }
    throw new OsqueryError('OSQUERY_PROTOCOL', `reply to ${method} cannot be read: ${String(failure)}`);
  }
  if (!answered) throw new OsqueryError('OSQUERY_PROTOCOL', `reply to ${method} answers another request`);
  return result;
}
