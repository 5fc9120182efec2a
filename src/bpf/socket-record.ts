import { readTaskFacts, TASK, type TaskFacts } from './task-record.ts';

/**
 * A record about a socket: the task's part, then this, with the ports in the host's order and the addresses in
 * network order. An IPv4 address has the first four of 16 bytes.
 */
export const SOCKET = {
  /** The descriptor; -1: not known. */
  fd: TASK.bytes,
  /** What the call returned; 0 for SOCKET_KINDS.connected. */
  result: TASK.bytes + 4,
  family: TASK.bytes + 8,
  type: TASK.bytes + 10,
  protocol: TASK.bytes + 12,
  state: TASK.bytes + 14,
  /** Inode of the network namespace. */
  netns: TASK.bytes + 16,
  localPort: TASK.bytes + 20,
  remotePort: TASK.bytes + 22,
  local: TASK.bytes + 24,
  remote: TASK.bytes + 40,
  bytes: TASK.bytes + 56,
} as const;

/** Values of TASK.kind. */
export const SOCKET_KINDS = {
  /** A call of connect(2) is over, whatever the protocol. */
  connect: 1,
  accept: 2,
  bind: 3,
  /** A TCP connection that a call began is established. The call may be over already, or go on. */
  connected: 4,
} as const;

export interface SocketRecord extends TaskFacts {
  readonly kind: keyof typeof SOCKET_KINDS;
  /** undefined if the task's call does not tell it. */
  readonly fd: number | undefined;
  readonly result: number;
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly protocol: number;
  readonly netns: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** 4 or 16 bytes in network order. */
  readonly local: Buffer;
  readonly remote: Buffer;
}

const KIND_NAMES: ReadonlyMap<number, SocketRecord['kind']> = new Map(
  Object.entries(SOCKET_KINDS).map(([name, number]) => [number, name as SocketRecord['kind']]),
);

export const AF_INET = 2;
/** Within the kernel: a signal came, and the call goes on or ends with EINTR, which audit writes. */
export const ERESTARTSYS = 512;

/**
 * Reads a record; the addresses are views of its bytes, valid as long as those.
 *
 * @returns undefined if it is not one of a socket
 */
export const readSocketRecord = (bytes: Buffer, at: number, length: number): SocketRecord | undefined => {
  if (length < SOCKET.bytes) return undefined;
  const kind = KIND_NAMES.get(bytes.readUInt32LE(at + TASK.kind));
  if (kind === undefined) return undefined;
  const family = bytes.readUInt16LE(at + SOCKET.family);
  const addressBytes = family === AF_INET ? 4 : 16;
  const task = readTaskFacts(bytes, at);
  const fd = bytes.readInt32LE(at + SOCKET.fd);
  return {
    ...task,
    kind,
    fd: fd < 0 ? undefined : fd,
    result: bytes.readInt32LE(at + SOCKET.result),
    family,
    protocol: bytes.readUInt16LE(at + SOCKET.protocol),
    netns: bytes.readUInt32LE(at + SOCKET.netns),
    localPort: bytes.readUInt16LE(at + SOCKET.localPort),
    remotePort: bytes.readUInt16LE(at + SOCKET.remotePort),
    local: bytes.subarray(at + SOCKET.local, at + SOCKET.local + addressBytes),
    remote: bytes.subarray(at + SOCKET.remote, at + SOCKET.remote + addressBytes),
  };
};
