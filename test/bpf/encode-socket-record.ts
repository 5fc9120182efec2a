import { SOCKET, SOCKET_KINDS } from '../../src/bpf/socket-record.ts';
import { TASK } from '../../src/bpf/task-record.ts';

export interface SocketRecordFields {
  readonly pid: number;
  readonly fd: number;
  readonly stampMs: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly kind: keyof typeof SOCKET_KINDS;
  readonly result: number;
  readonly protocol: number;
  /** 4 or 16 bytes. */
  readonly local: readonly number[];
  readonly remote: readonly number[];
  /** 0: audit does not follow the call. */
  readonly inCall: number;
  /** Milliseconds of the monotonic clock. */
  readonly passedOnMs: number;
}

const LOOPBACK = [127, 0, 0, 1];

/** A record as a program writes it. */
export const encodeSocketRecord = (fields: Partial<SocketRecordFields> = {}): Buffer => {
  const all = {
    pid: 100,
    fd: 5,
    stampMs: 1_700_000_000_004,
    localPort: 40_000,
    remotePort: 443,
    kind: 'connected',
    result: 0,
    protocol: 6,
    local: LOOPBACK,
    remote: LOOPBACK,
    inCall: 1,
    passedOnMs: 0,
    ...fields,
  } as const;
  const bytes = Buffer.alloc(SOCKET.bytes);
  bytes.writeUInt32LE(all.pid, TASK.tgid);
  bytes.writeUInt32LE(all.pid, TASK.tid);
  bytes.writeUInt32LE(SOCKET_KINDS[all.kind], TASK.kind);
  bytes.writeUInt32LE(all.inCall, TASK.inCall);
  bytes.writeUInt32LE(Math.floor(all.stampMs / 1000), TASK.seconds);
  bytes.writeUInt32LE((all.stampMs % 1000) * 1e6 + 999_999, TASK.nanoseconds);
  bytes.writeUInt32LE(1, TASK.hasContext);
  bytes.writeUInt32LE(Math.floor((all.passedOnMs * 1e6) / 2 ** 20) % 2 ** 32, TASK.passedOn);
  bytes.write('curl\0garbage', TASK.comm, 'latin1');
  bytes.writeInt32LE(all.fd, SOCKET.fd);
  bytes.writeInt32LE(all.result, SOCKET.result);
  bytes.writeUInt16LE(all.local.length === 4 ? 2 : 10, SOCKET.family);
  bytes.writeUInt16LE(all.protocol, SOCKET.protocol);
  bytes.writeUInt16LE(all.localPort, SOCKET.localPort);
  bytes.writeUInt16LE(all.remotePort, SOCKET.remotePort);
  bytes.set(all.local, SOCKET.local);
  bytes.set(all.remote, SOCKET.remote);
  return bytes;
};
