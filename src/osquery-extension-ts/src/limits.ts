/** Longest request that a server reads, in bytes. Core's own are below 100 KiB; a writable table may be sent more. */
export const DEFAULT_MAX_REQUEST_BYTES = 16 * 1024 * 1024;

/** Most bytes of requests of all connections of one server together, unfinished or being answered. */
export const DEFAULT_MAX_PENDING_REQUEST_BYTES = 64 * 1024 * 1024;

/**
 * Longest reply that a server sends, in bytes. Core itself accepts any length (Apache Thrift for C++ does not limit a
 * buffered transport), and keeps several copies in its memory.
 */
export const DEFAULT_MAX_REPLY_BYTES = 512 * 1024 * 1024;

/**
 * Most bytes of replies of all connections of one server together that their readers have not taken yet; more than
 * one of the longest. If a reply would exceed it, the readers that have taken nothing for longest are dropped.
 */
export const DEFAULT_MAX_PENDING_REPLY_BYTES = 1024 * 1024 * 1024;

/** Longest reply that a client accepts, in bytes: what the servers of this package send. */
export const DEFAULT_MAX_RECEIVED_BYTES = 513 * 1024 * 1024;

/** Most bytes of an event table's rows in wire format; as objects in memory they take a few times as many. */
export const DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024;

/** Open connections per server; more are closed at once. Core uses two at a time. */
export const DEFAULT_MAX_CONNECTIONS = 1024;

/** Milliseconds from the first byte of a request to its last. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** Milliseconds that a connection may stay open without a request; as in core's `thrift_timeout`. */
export const DEFAULT_IDLE_TIMEOUT_MS = 300_000;

/** Milliseconds that a reader may need for 256 KiB of a reply before it is dropped. */
export const DEFAULT_WRITE_TIMEOUT_MS = 60_000;

/** Milliseconds that a client waits for one reply, including connecting and queueing. */
export const DEFAULT_CALL_TIMEOUT_MS = 60_000;

/**
 * Deepest nesting of structs, lists and maps, as in Apache Thrift for C++ (`DEFAULT_RECURSION_LIMIT`);
 * registerExtension, the deepest message, has six. A deeper message is answered with an exception.
 */
export const MAX_NESTING_DEPTH = 64;

/** Depth from which on a message is not even scanned to its end: its connection is dropped. */
export const MAX_SCANNED_DEPTH = 4096;

/** Longest method name that is accepted; the longest existing one has 19 characters. */
export const MAX_METHOD_NAME_BYTES = 128;

/** `sun_path` has 108 bytes on Linux and 104 on macOS and the BSDs, the last one for the final NUL. */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
