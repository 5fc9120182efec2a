/**
 * The codes of all errors that this package raises on purpose. They are stable; messages are not.
 *
 * - `OSQUERY_CONNECT`: nobody answers at the socket path (missing, refused, not permitted).
 * - `OSQUERY_CONNECTION_LOST`: the connection ended before the reply was complete.
 * - `OSQUERY_TIMEOUT`: no complete reply within the call's time limit.
 * - `OSQUERY_ABORTED`: the caller's AbortSignal fired; `cause` is its reason.
 * - `OSQUERY_CLOSED`: the client or server was closed.
 * - `OSQUERY_PROTOCOL`: bytes that are not the expected Thrift message.
 * - `OSQUERY_TOO_LARGE`: a message above its named limit.
 * - `OSQUERY_APPLICATION`: the other side answered with a Thrift application exception (unknown method, ...).
 * - `OSQUERY_STATUS`: an ExtensionStatus other than 0; see {@link OsqueryStatusError}.
 * - `OSQUERY_REGISTRATION_REFUSED`: core refused to register the extension; a status error too.
 * - `OSQUERY_ROW_COUNT`: a query returned another number of rows than was asked for.
 * - `OSQUERY_SOCKET_PATH`: a socket path too long, in use, or taken by something that is not a socket.
 * - `OSQUERY_PEER_REFUSED`: a client that the server's `refusePeer` refused.
 * - `OSQUERY_INVALID`: an invalid argument, table definition or row value.
 */
export type OsqueryErrorCode =
  | 'OSQUERY_CONNECT'
  | 'OSQUERY_CONNECTION_LOST'
  | 'OSQUERY_TIMEOUT'
  | 'OSQUERY_ABORTED'
  | 'OSQUERY_CLOSED'
  | 'OSQUERY_PROTOCOL'
  | 'OSQUERY_TOO_LARGE'
  | 'OSQUERY_APPLICATION'
  | 'OSQUERY_STATUS'
  | 'OSQUERY_REGISTRATION_REFUSED'
  | 'OSQUERY_ROW_COUNT'
  | 'OSQUERY_SOCKET_PATH'
  | 'OSQUERY_PEER_REFUSED'
  | 'OSQUERY_INVALID';

/** Base of all errors of this package: a stable `code`, and the original error, if any, as `cause`. */
export class OsqueryError extends Error {
  readonly code: OsqueryErrorCode;

  constructor(code: OsqueryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OsqueryError';
    this.code = code;
  }
}

/** Identifies an extension, and its socket: 0 is core. A number if that is exact, else a bigint. */
export type ExtensionUuid = number | bigint;

/**
 * osquery's answer to a request: 0 is success, 1 failed, 2 fatal; `uuid` identifies the answering side, core is 0.
 */
export interface ExtensionStatus {
  /** 0 for success. */
  readonly code: number;
  readonly message: string;
  /** The extension that answers, or that was registered; 0 is core. */
  readonly uuid: ExtensionUuid;
}

/** The other side answered with a status other than 0. If a plugin throws it, core gets that status. */
export class OsqueryStatusError extends OsqueryError {
  readonly status: ExtensionStatus;

  constructor(
    status: { readonly code: number; readonly message: string; readonly uuid?: ExtensionUuid },
    options?: ErrorOptions & {
      readonly code?: 'OSQUERY_STATUS' | 'OSQUERY_REGISTRATION_REFUSED';
      readonly message?: string;
    },
  ) {
    super(
      options?.code ?? 'OSQUERY_STATUS',
      options?.message ?? (status.message === '' ? `osquery answered status ${status.code}` : status.message),
      options,
    );
    this.name = 'OsqueryStatusError';
    this.status = { code: status.code, message: status.message, uuid: status.uuid ?? 0 };
  }
}

/** Whether `error` comes from this package and, if `code` is given, has that code. */
export function isOsqueryError(error: unknown, code?: OsqueryErrorCode): error is OsqueryError {
  return error instanceof OsqueryError && (code === undefined || error.code === code);
}

/**
 * The value of an answer; undefined if the other side answered with a status other than 0, because it has no such
 * thing.
 */
export async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Longest part of a value that an error shows, in characters. */
const MAX_SHOWN = 60;

/** A value as errors show it: its kind, and the beginning of its text. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length <= MAX_SHOWN
        ? JSON.stringify(value)
        : `${JSON.stringify(value.slice(0, MAX_SHOWN))}...`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    default:
      if (value === null) return 'null';
      return Array.isArray(value)
        ? 'a list'
        : `an object of ${(value as object).constructor?.name ?? 'no class'}`;
  }
}
