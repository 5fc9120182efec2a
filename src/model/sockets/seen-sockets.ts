import { AF_INET, formatIPv6, knownIPv4 } from '../../audit/sockaddr.ts';
import { SOCKET, SOCKET_KINDS } from '../../bpf/socket-record.ts';
import { AUDIT_CTX_SYSCALL, NANOSECONDS_PER_MILLISECOND, TASK } from '../../bpf/task-record.ts';
import { keyOf } from './descriptor-key.ts';

/** What a BPF program has told about a call with a socket, as far as it is needed to find the call's audit event. */
export interface SeenSocket {
  readonly kind: number;
  /** Audit's timestamp of the call, in milliseconds since the epoch. */
  readonly stampMs: number;
  /** What the call returned. */
  readonly result: number;
  readonly family: number;
  readonly protocol: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Most of them that wait for their events; then the oldest are dropped. */
const MAX_SEEN = 32_768;
/**
 * Milliseconds that one waits for its event: longer than audit's queue is, and not so long that the calls of programs
 * that are left out take much memory.
 */
const MAX_AGE_MS = 5_000;

interface Entry extends SeenSocket {
  readonly key: number;
  isTaken: boolean;
}

/** What BPF programs have told and audit has not yet, by process and descriptor. */
export class SeenSockets {
  /** In the order in which they came, … */
  #all: Entry[] = [];
  #first = 0;
  /** … and by process and descriptor. */
  readonly #byKey = new Map<number, Entry[]>();

  get size(): number {
    return this.#all.length - this.#first;
  }

  /**
   * Takes a record of the socket programs. Calls that audit does not follow, or whose descriptor is not known, have no
   * event that they could be matched with.
   */
  add(bytes: Buffer, at: number, length: number): void {
    if (length < SOCKET.bytes || bytes.readUInt32LE(at + TASK.inCall) !== AUDIT_CTX_SYSCALL) return;
    const fd = bytes.readInt32LE(at + SOCKET.fd);
    if (fd < 0) return;
    const key = keyOf({ pid: bytes.readUInt32LE(at + TASK.tgid), fd });
    const entry = readEntry(bytes, at, key);
    this.#all.push(entry);
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, [entry]);
    else others.push(entry);
    if (this.size > MAX_SEEN) this.#dropFirst();
  }

  /**
   * Those of a process and a descriptor that were not taken yet, and have this timestamp and one of these kinds, the
   * oldest first. For a descriptor they come in the order of their calls.
   */
  find(key: number, stampMs: number, kinds: readonly number[]): readonly SeenSocket[] {
    const found: SeenSocket[] = [];
    for (const entry of this.#byKey.get(key) ?? []) {
      if (entry.stampMs > stampMs) break;
      if (entry.stampMs === stampMs && kinds.includes(entry.kind)) found.push(entry);
    }
    return found;
  }

  /** Takes some of those that `find` has returned, in its order. */
  take(key: number, taken: readonly SeenSocket[]): void {
    const entries = this.#byKey.get(key);
    if (entries === undefined) return;
    for (const entry of taken as readonly Entry[]) entry.isTaken = true;
    const areFirst = taken.every((entry, i) => entries[i] === entry);
    if (areFirst) entries.splice(0, taken.length);
    const left = areFirst ? entries : entries.filter(({ isTaken }) => !isTaken);
    if (left.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, left);
  }

  /** Drops those whose events have not come, and will not. */
  dropOld(nowMs: number): void {
    while (this.size > 0) {
      const { isTaken, stampMs } = this.#all[this.#first]!;
      if (!isTaken && stampMs > nowMs - MAX_AGE_MS) break;
      this.#dropFirst();
    }
  }

  clear(): void {
    this.#all = [];
    this.#first = 0;
    this.#byKey.clear();
  }

  #dropFirst(): void {
    const entry = this.#all[this.#first++]!;
    if (!entry.isTaken) this.take(entry.key, [entry]);
    if (this.#first < 1_024 || this.#first * 2 < this.#all.length) return;
    this.#all = this.#all.slice(this.#first);
    this.#first = 0;
  }
}

const readEntry = (bytes: Buffer, at: number, key: number): Entry => {
  const family = bytes.readUInt16LE(at + SOCKET.family);
  const text = (place: number): string =>
    family === AF_INET
      ? knownIPv4(bytes, at + place)
      : formatIPv6(bytes.subarray(at + place, at + place + 16));
  const nanoseconds = bytes.readUInt32LE(at + TASK.nanoseconds);
  return {
    key,
    isTaken: false,
    kind: bytes.readUInt32LE(at + TASK.kind),
    stampMs:
      // 32 bits last until 2106.
      bytes.readUInt32LE(at + TASK.seconds) * 1000 + Math.floor(nanoseconds / NANOSECONDS_PER_MILLISECOND),
    result: bytes.readInt32LE(at + SOCKET.result),
    family,
    protocol: bytes.readUInt16LE(at + SOCKET.protocol),
    localAddress: text(SOCKET.local),
    localPort: bytes.readUInt16LE(at + SOCKET.localPort),
    remoteAddress: text(SOCKET.remote),
    remotePort: bytes.readUInt16LE(at + SOCKET.remotePort),
  };
};

/** Whether it comes from a program that sees the end of each call, whatever the protocol, and not only TCP. */
export const seesAllCalls = ({ kind }: SeenSocket): boolean => kind !== SOCKET_KINDS.connected;
