/**
 * Every error this package raises on purpose has one of these codes; they are stable, messages are not.
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
 * - `OSQUERY_ROW_COUNT`: a query gave another number of rows than the one that was asked for.
 * - `OSQUERY_SOCKET_PATH`: a socket path too long, in use, or taken by something that is not a socket.
 * - `OSQUERY_PEER_REFUSED`: a client that the server's `refusePeer` does not want.
 * - `OSQUERY_INVALID`: an argument, table definition or row value that cannot be right.
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

/** Base of all errors of this package: a stable `code`, and the original error as `cause` where there is one. */
export class OsqueryError extends Error {
  readonly code: OsqueryErrorCode;

  constructor(code: OsqueryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OsqueryError';
    this.code = code;
  }
}

/** What names an extension, and its socket: 0 is core. A number where that is exact, else a bigint. */
export type ExtensionUuid = number | bigint;

/** osquery's answer to a request: 0 is success, 1 failed, 2 fatal; `uuid` names the answering side, core is 0. */
export interface ExtensionStatus {
  /** 0 for success. */
  readonly code: number;
  readonly message: string;
  /** Of the extension that answers, or that was registered; 0 is core. */
  readonly uuid: ExtensionUuid;
}

/**
 * The other side answered, with a status other than 0. Thrown by a plugin, it decides the status that core gets.
 */
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

/** Whether `error` comes from this package, and, with `code`, whether it is that one. */
export function isOsqueryError(error: unknown, code?: OsqueryErrorCode): error is OsqueryError {
  return error instanceof OsqueryError && (code === undefined || error.code === code);
}

/** What an answer resolves with; undefined where the other side answered with a status other than 0: it has no such thing. */
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

/** A value as errors show it: what it is, and the beginning of what it says. */
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
