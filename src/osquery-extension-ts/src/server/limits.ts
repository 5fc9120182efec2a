import {
  DEFAULT_IDLE_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_PENDING_REPLY_BYTES,
  DEFAULT_MAX_PENDING_REQUEST_BYTES,
  DEFAULT_MAX_REPLY_BYTES,
  DEFAULT_MAX_REQUEST_BYTES,
  DEFAULT_REQUEST_TIMEOUT_MS,
  DEFAULT_WRITE_TIMEOUT_MS,
} from '../limits.ts';

/** Limits of a server; clients that exceed them are dropped. */
export interface ServerLimits {
  /** Longest request, in bytes. */
  readonly maxRequestBytes: number;
  /** Requests of all connections together, unfinished or being answered, in bytes. */
  readonly maxPendingRequestBytes: number;
  /** Longest rows of a reply, in bytes; longer ones become an error status. */
  readonly maxReplyBytes: number;
  /** Replies of all connections together that have not been read yet, in bytes. */
  readonly maxPendingReplyBytes: number;
  /** Connections at one time. */
  readonly maxConnections: number;
  /** From the first to the last byte of a request, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Without a request, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** What a reader may need for 256 KiB of a reply, in milliseconds. */
  readonly writeTimeoutMs: number;
}

export function serverLimits(limits: Partial<ServerLimits> = {}): ServerLimits {
  return {
    maxRequestBytes: limits.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
    maxPendingRequestBytes: limits.maxPendingRequestBytes ?? DEFAULT_MAX_PENDING_REQUEST_BYTES,
    maxReplyBytes: limits.maxReplyBytes ?? DEFAULT_MAX_REPLY_BYTES,
    maxPendingReplyBytes: limits.maxPendingReplyBytes ?? DEFAULT_MAX_PENDING_REPLY_BYTES,
    maxConnections: limits.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    requestTimeoutMs: limits.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    idleTimeoutMs: limits.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
    writeTimeoutMs: limits.writeTimeoutMs ?? DEFAULT_WRITE_TIMEOUT_MS,
  };
}
