import {
  type ExtensionStatus,
  type ExtensionUuid,
  messageOf,
  OsqueryError,
  OsqueryStatusError,
} from '../errors.ts';
import { type EncodedRows, encodeRows, isEncodedRows, type ResponseRows } from '../table/encoded-rows.ts';
import { encodeResponse } from '../wire/response-codec.ts';

/** Status code of a request that failed (`EXT_FAILED`). */
export const EXT_FAILED = 1;

const NO_ROWS: EncodedRows = { count: 0, chunks: [] };

/**
 * Runs the function that answers a request with rows, and encodes the reply. An error becomes a status other than 0
 * with the error's message.
 */
export function respond(
  request: AnsweredRequest,
  answer: () => ResponseRows | Promise<ResponseRows>,
): EncodedRows['chunks'] | Promise<EncodedRows['chunks']> {
  try {
    const rows = answer();
    return rows instanceof Promise ? respondLater(request, rows) : encodeAnswer(request, rows);
  } catch (error) {
    return encodeFailure(request, error);
  }
}

/** What a reply needs to know about its request. */
export interface AnsweredRequest {
  readonly method: string;
  readonly seqid: number;
  readonly uuid: ExtensionUuid;
  readonly maxReplyBytes: number;
}

async function respondLater(
  request: AnsweredRequest,
  answer: Promise<ResponseRows>,
): Promise<EncodedRows['chunks']> {
  try {
    return encodeAnswer(request, await answer);
  } catch (error) {
    return encodeFailure(request, error);
  }
}

function encodeAnswer(
  { method, seqid, uuid, maxReplyBytes }: AnsweredRequest,
  answer: ResponseRows,
): EncodedRows['chunks'] {
  const rows = isEncodedRows(answer) ? answer : encodeRows(answer);
  let bytes = 0;
  for (const chunk of rows.chunks) bytes += chunk.length;
  if (bytes > maxReplyBytes) {
    throw new OsqueryError(
      'OSQUERY_TOO_LARGE',
      `the answer has ${rows.count} rows of ${bytes} bytes together; at most ${maxReplyBytes} bytes can be sent. ` +
        'Ask for fewer columns or rows',
    );
  }
  return encodeResponse(method, seqid, { code: 0, message: 'OK', uuid }, rows);
}

function encodeFailure({ method, seqid, uuid }: AnsweredRequest, error: unknown): EncodedRows['chunks'] {
  return encodeResponse(method, seqid, failureStatus(error, uuid), NO_ROWS);
}

/** The status for an error; never 0. */
export function failureStatus(error: unknown, uuid: ExtensionUuid): ExtensionStatus {
  if (error instanceof OsqueryStatusError && error.status.code !== 0) {
    return { code: error.status.code, message: error.status.message, uuid };
  }
  return { code: EXT_FAILED, message: messageOf(error), uuid };
}
