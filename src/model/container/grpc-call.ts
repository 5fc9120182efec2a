import type { ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';

/** Milliseconds that a runtime has for an answer. */
export const ANSWER_MS = 1_000;
/** Larger answers are not read. */
const MAX_BYTES = 1_048_576;
/** The head of a message: one byte for compressed or not, and the length. */
const PREFIX_BYTES = 5;

export interface GrpcRequest {
  /** `/package.Service/Method` */
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: Buffer;
}

/** Calls a method; undefined if there is no answer, no answer in time, or an error. */
export type GrpcCall = (request: GrpcRequest) => Promise<Buffer | undefined>;

/** One connection. It is closed when the requests of `ask` have been answered, or after ANSWER_MS. */
export const withGrpc = async <Result>(
  socketPath: string,
  ask: (call: GrpcCall) => Promise<Result | undefined>,
  answerMs = ANSWER_MS,
): Promise<Result | undefined | 'late'> => {
  // Loaded only when it is used, because it takes some megabytes.
  const http2 = process.getBuiltinModule('node:http2');
  const socket = connect(socketPath);
  const session = http2.connect('http://localhost', { createConnection: () => socket });
  // This also ends the calls that are under way.
  session.on('error', () => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(() => resolve('late'), answerMs);
  });
  try {
    return await Promise.race([ask(request => call(session.request(headersOf(request)), request)), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    session.destroy();
    socket.destroy();
  }
};

const headersOf = ({ method, headers }: GrpcRequest): Record<string, string> => ({
  ':method': 'POST',
  ':path': method,
  'content-type': 'application/grpc',
  te: 'trailers',
  ...headers,
});

const call = (stream: ClientHttp2Stream, { message }: GrpcRequest): Promise<Buffer | undefined> =>
  new Promise(resolve => {
    const pieces: Buffer[] = [];
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > MAX_BYTES) stream.destroy();
      else pieces.push(piece);
    });
    stream.on('error', () => resolve(undefined));
    stream.on('close', () => resolve(messageIn(Buffer.concat(pieces))));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
  });

/** An error has no message. */
const messageIn = (bytes: Buffer): Buffer | undefined => {
  if (bytes.length < PREFIX_BYTES || bytes[0] !== 0) return undefined;
  const end = PREFIX_BYTES + bytes.readUInt32BE(1);
  return end === bytes.length ? bytes.subarray(PREFIX_BYTES, end) : undefined;
};
