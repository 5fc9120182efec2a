import thrift from 'thrift';
import { isOsqueryError, messageOf, OsqueryError } from '../errors.ts';
import extensionService from '../gen-nodejs/Extension.js';
import managerService from '../gen-nodejs/ExtensionManager.js';
import { ByteWriter } from './byte-writer.ts';
import type { Service } from './request-codec.ts';
import { M_EXCEPTION, T_I32, T_STOP, T_STRING, VERSION_1 } from './thrift-types.ts';

const { TBinaryProtocol, TBufferedTransport } = thrift;

/** `TApplicationExceptionType` of the Thrift protocol. */
export const UNKNOWN_METHOD = 1;
export const INTERNAL_ERROR = 6;
export const PROTOCOL_ERROR = 7;

/** Answers one request with the generated processor, whose handler returns generated types. */
export function answerGenerated(service: Service, handler: object, message: Buffer): Promise<Buffer> {
  const { Processor } = service === 'Extension' ? extensionService : managerService;
  const processor = new Processor(handler);
  return new Promise((resolve, reject) => {
    const output = new TBinaryProtocol(new TBufferedTransport(undefined, resolve));
    try {
      TBufferedTransport.receiver(transport => {
        processor.process(new TBinaryProtocol(transport, false), output);
      })(message);
    } catch (cause) {
      reject(new OsqueryError('OSQUERY_PROTOCOL', `request cannot be read: ${messageOf(cause)}`, { cause }));
    }
  });
}

/**
 * Answers a message that arrived whole: unreadable content is answered with an exception, and its sender can
 * continue.
 */
export function answerMessage<T>(
  header: { readonly name: string; readonly seqid: number },
  answer: () => T | Promise<T>,
): T | readonly [Buffer] | Promise<T | readonly [Buffer]> {
  const failed = (error: unknown): readonly [Buffer] => {
    const type = isOsqueryError(error, 'OSQUERY_PROTOCOL') ? PROTOCOL_ERROR : INTERNAL_ERROR;
    return [encodeException(header.name, header.seqid, type, messageOf(error))];
  };
  try {
    const answered = answer();
    return answered instanceof Promise ? answered.catch(failed) : answered;
  } catch (error) {
    return failed(error);
  }
}

/** A Thrift application exception as the reply. */
export function encodeException(name: string, seqid: number, type: number, message: string): Buffer {
  const out = new ByteWriter(64 + (name.length + message.length) * 3);
  out.i32((VERSION_1 << 16) | M_EXCEPTION);
  out.string(name);
  out.i32(seqid);
  out.byte(T_STRING);
  out.i16(1);
  out.string(message);
  out.byte(T_I32);
  out.i16(2);
  out.i32(type);
  out.byte(T_STOP);
  return out.take();
}
