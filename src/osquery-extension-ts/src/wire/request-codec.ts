import thrift from 'thrift';
import { OsqueryError } from '../errors.ts';
import extensionService, { type GeneratedClient } from '../gen-nodejs/Extension.js';
import managerService from '../gen-nodejs/ExtensionManager.js';

const { TBinaryProtocol, TBufferedTransport } = thrift;

/** Which of the two Thrift services is spoken to. */
export type Service = 'Extension' | 'ExtensionManager';

/** A request ready to be sent, and the way to read its reply with the generated code. */
export interface EncodedRequest {
  readonly method: string;
  readonly seqid: number;
  readonly bytes: Buffer;
  /**
   * Decodes a whole reply message into the generated types.
   *
   * @throws OsqueryError OSQUERY_APPLICATION or OSQUERY_PROTOCOL
   */
  decode(reply: Buffer): unknown;
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
      const input = new TBinaryProtocol(transport, true);
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
