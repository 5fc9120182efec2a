/** Longest request a server reads, in bytes. Core's own are below 100 KiB; a writable table may be sent more. */
export const DEFAULT_MAX_REQUEST_BYTES = 16 * 1024 * 1024;

/** Requests of all connections of one server together, unfinished or being answered, in bytes. */
export const DEFAULT_MAX_PENDING_REQUEST_BYTES = 64 * 1024 * 1024;

/**
 * Longest reply a server sends, in bytes. Core itself takes any length (Apache Thrift for C++ counts no bytes of a
 * buffered transport), into its own memory several times over.
 */
export const DEFAULT_MAX_REPLY_BYTES = 512 * 1024 * 1024;

/**
 * Replies of all connections of one server together that their readers have not taken yet, in bytes; more than one of the
 * longest. For one that would go beyond, the readers that have taken nothing for longest are dropped.
 */
export const DEFAULT_MAX_PENDING_REPLY_BYTES = 1024 * 1024 * 1024;

/** Longest reply a client accepts, in bytes: what the servers of this package send. */
export const DEFAULT_MAX_RECEIVED_BYTES = 513 * 1024 * 1024;

/** Rows that an event table keeps, in bytes as they go on the wire; as objects in memory they take a few times as many. */
export const DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024;

/** Open connections per server; more are closed at once. Core uses two at a time. */
export const DEFAULT_MAX_CONNECTIONS = 1024;

/** Time from the first byte of a request to its last, in milliseconds. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** Time a connection may stay open without a request, in milliseconds; as long as core's `thrift_timeout`. */
export const DEFAULT_IDLE_TIMEOUT_MS = 300_000;

/** Time a reader may need for 256 KiB of a reply before it is dropped, in milliseconds. */
export const DEFAULT_WRITE_TIMEOUT_MS = 60_000;

/** Time a client waits for one reply, connecting and queueing included, in milliseconds. */
export const DEFAULT_CALL_TIMEOUT_MS = 60_000;

/**
 * Structs, lists and maps inside each other, as in Apache Thrift for C++ (`DEFAULT_RECURSION_LIMIT`); registerExtension, the
 * deepest message, has six. What is deeper is answered with an exception.
 */
export const MAX_NESTING_DEPTH = 64;

/** Depth from which on a message is not even gone through to its end: its connection is dropped. */
export const MAX_SCANNED_DEPTH = 4096;

/** Longest method name accepted; the longest that exists has 19 characters. */
export const MAX_METHOD_NAME_BYTES = 128;

/** `sun_path` has 108 bytes on Linux and 104 on macOS and the BSDs, the last one for the final NUL. */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
