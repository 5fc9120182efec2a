import type { ExecFacts } from './exec-facts.ts';

/**
 * Messages of the kernel's process connector, little-endian. Source: linux/connector.h and linux/cn_proc.h.
 *
 * nlmsghdr (16) · cn_msg: idx u32, val u32, seq u32, ack u32, len u16, flags u16 · proc_event: what u32, cpu u32,
 * timestamp_ns u64, then by kind.
 */
export const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;

const PROC_CN_MCAST_LISTEN = 1;
const PROC_CN_MCAST_IGNORE = 2;

const PROC_EVENT_NONE = 0;
const PROC_EVENT_FORK = 0x0000_0001;
const PROC_EVENT_EXEC = 0x0000_0002;
const PROC_EVENT_EXIT = 0x8000_0000;

const NLMSG_HDRLEN = 16;
const NLMSG_DONE = 3;
const CN_MSG_BYTES = 20;
const PAYLOAD = NLMSG_HDRLEN + CN_MSG_BYTES;
const DATA = PAYLOAD + 16;

/** Enough for every message the process connector sends; the longest has 76 bytes. */
export const MAX_CN_PROC_BYTES = 128;

interface Timed {
  /** CLOCK_MONOTONIC in milliseconds, with the fraction. */
  readonly monotonicMs: number;
}

/** Pids are those of the initial pid namespace, for processes in containers too. */
export type ProcConnectorEvent =
  | (Timed & { readonly kind: 'fork'; readonly pid: number; readonly parent: number })
  | (Timed & { readonly kind: 'exec'; readonly pid: number; readonly facts?: ExecFacts })
  | (Timed & { readonly kind: 'exit'; readonly pid: number })
  /** Answer to a subscription: 0 or a positive errno. */
  | { readonly kind: 'reply'; readonly error: number }
  /** A thread was created or ended, or something else happened. */
  | { readonly kind: 'other' };

const OTHER: ProcConnectorEvent = { kind: 'other' };

/** @returns undefined if the bytes are not a whole message of the process connector */
export const parseProcEvent = (bytes: Buffer, start: number, end: number): ProcConnectorEvent | undefined => {
  if (end - start < DATA) return undefined;
  const length = bytes.readUInt16LE(start + NLMSG_HDRLEN + 16);
  if (
    bytes.readUInt32LE(start + NLMSG_HDRLEN) !== CN_IDX_PROC ||
    bytes.readUInt32LE(start + NLMSG_HDRLEN + 4) !== CN_VAL_PROC ||
    start + PAYLOAD + length > end
  ) {
    return undefined;
  }
  const room = length - 16;
  const data = start + DATA;
  switch (bytes.readUInt32LE(start + PAYLOAD)) {
    case PROC_EVENT_NONE:
      return room < 4 ? undefined : { kind: 'reply', error: bytes.readUInt32LE(data) };
    case PROC_EVENT_FORK: {
      if (room < 16) return undefined;
      const pid = bytes.readInt32LE(data + 8);
      if (pid !== bytes.readInt32LE(data + 12)) return OTHER;
      return { kind: 'fork', pid, parent: bytes.readInt32LE(data + 4), monotonicMs: timestamp(bytes, start) };
    }
    case PROC_EVENT_EXEC:
      // After an exec the process has one thread, whichever thread called it.
      if (room < 8) return undefined;
      return { kind: 'exec', pid: bytes.readInt32LE(data + 4), monotonicMs: timestamp(bytes, start) };
    case PROC_EVENT_EXIT: {
      if (room < 8) return undefined;
      const pid = bytes.readInt32LE(data);
      if (pid !== bytes.readInt32LE(data + 4)) return OTHER;
      return { kind: 'exit', pid, monotonicMs: timestamp(bytes, start) };
    }
    default:
      return OTHER;
  }
};

const timestamp = (bytes: Buffer, start: number): number =>
  (bytes.readUInt32LE(start + PAYLOAD + 12) * 4_294_967_296 + bytes.readUInt32LE(start + PAYLOAD + 8)) / 1e6;

/**
 * The messages that subscribe: first to everything, which every kernel understands; then only to forks, execs and
 * exits, which kernels before 6.6 ignore because of its length.
 */
export const listenMessages = (): readonly Buffer[] => [
  encodeOperation(PROC_CN_MCAST_LISTEN, undefined),
  encodeOperation(PROC_CN_MCAST_LISTEN, (PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_EXIT) >>> 0),
];

/** Kernels before 6.6 keep making messages for everybody until every subscriber has sent this. */
export const ignoreMessage = (): Buffer => encodeOperation(PROC_CN_MCAST_IGNORE, undefined);

const encodeOperation = (operation: number, events: number | undefined): Buffer => {
  const length = events === undefined ? 4 : 8;
  const message = Buffer.alloc(PAYLOAD + length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(NLMSG_DONE, 4);
  message.writeUInt32LE(CN_IDX_PROC, NLMSG_HDRLEN);
  message.writeUInt32LE(CN_VAL_PROC, NLMSG_HDRLEN + 4);
  message.writeUInt16LE(length, NLMSG_HDRLEN + 16);
  message.writeUInt32LE(operation, PAYLOAD);
  if (events !== undefined) message.writeUInt32LE(events, PAYLOAD + 4);
  return message;
};
