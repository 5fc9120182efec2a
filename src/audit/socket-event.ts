import type { SocketEvent, UringActor } from './audit-event.ts';
import { AUDIT_SOCKADDR, AUDIT_SOCKETCALL, EAGAIN, EINPROGRESS, EINTR } from './constants.ts';
import { firstOf, type RecordGroup } from './correlator.ts';
import { damage } from './damage.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { parseSockaddr, type SocketName } from './sockaddr.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { sendFlagsArgument } from './syscalls.ts';
import { decodeHexInto, hexWord } from './value.ts';

/** A call that is restarted after a signal has another event. */

export type SocketReading =
  | { readonly kind: 'event'; readonly event: SocketEvent }
  /** A family that the tables do not hold (netlink, packet, AF_UNSPEC …). */
  | { readonly kind: 'other' }
  /** The address is missing, damaged, or shorter than its family. */
  | { readonly kind: 'incomplete' };

/**
 * Makes the event of a bind, connect, accept or send, successful or not.
 *
 * An accept has no address if the program did not ask for one or no client came; it is an event without an address. A
 * send has an address if it names its receiver; with MSG_FASTOPEN it is a connect. Of several receivers (sendmmsg)
 * the kernel records the last.
 *
 * @param datagrams whether sends are wanted that do not connect
 */
export const readSocketEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  addresses: SockaddrReader,
  datagrams: boolean,
): SocketReading => {
  const action = actionOf(group, syscall);
  if (action === 'sendto' && !datagrams) return { kind: 'other' };
  const record = firstOf(group, AUDIT_SOCKADDR);
  if (record === undefined && sendFlagsArgument(syscall.name) !== undefined) return { kind: 'other' };
  const name = record && addresses.read(record);
  if (name === undefined && (record !== undefined || action !== 'accept')) return { kind: 'incomplete' };
  if (name?.kind === 'other') return { kind: 'other' };

  const event = socketEvent(group, name, syscall, {
    action,
    syscall: syscall.name,
    fd: fileDescriptor(group, syscall),
    outcome: outcome(syscall, action),
    exit: syscall.exit,
  });
  return { kind: 'event', event };
};

const MSG_FASTOPEN = 0x2000_0000;

const actionOf = (group: RecordGroup, { name, a2, a3 }: SyscallRecord): SocketEvent['action'] => {
  if (name === 'bind' || name === 'connect') return name;
  const argument = sendFlagsArgument(name);
  if (argument === undefined) return 'accept';
  const isSecond = argument === 2;
  const flags = socketcallArgument(group, isSecond ? A2 : A3) ?? (isSecond ? a2 : a3) ?? 0;
  return (flags & MSG_FASTOPEN) === 0 ? 'sendto' : 'connect';
};

/**
 * Builds an event.
 *
 * @param name the local end for a bind, the remote end for all others
 */
export const socketEvent = (
  { seconds, milliseconds, serial }: RecordGroup,
  name: SocketName | undefined,
  actor: UringActor,
  { action, syscall, fd, outcome, exit }: Pick<SocketEvent, 'action' | 'syscall' | 'fd' | 'outcome' | 'exit'>,
): SocketEvent => {
  const address = name?.kind === 'inet' ? { address: name.address, port: name.port } : undefined;
  return {
    kind: 'socket',
    seconds,
    milliseconds,
    serial,
    action,
    syscall,
    fd,
    family: name?.family,
    protocol: undefined,
    local: action === 'bind' ? address : undefined,
    remote: action === 'bind' ? undefined : address,
    socket: name?.kind === 'unix' ? name.path : undefined,
    outcome,
    exit,
    pid: actor.pid,
    ppid: actor.ppid,
    auid: actor.auid,
    uid: actor.uid,
    gid: actor.gid,
    euid: actor.euid,
    egid: actor.egid,
    suid: actor.suid,
    sgid: actor.sgid,
    fsuid: actor.fsuid,
    fsgid: actor.fsgid,
    ses: actor.ses,
    tty: actor.tty,
    comm: actor.comm,
    exe: actor.exe,
  };
};

const outcome = ({ success, exit }: SyscallRecord, action: SocketEvent['action']): SocketEvent['outcome'] => {
  if (success) return 'succeeded';
  if (action === 'connect' && (exit === -EINPROGRESS || exit === -EINTR)) return 'in_progress';
  if (action === 'accept' && exit === -EAGAIN) return 'no_client';
  return 'failed';
};

const SADDR = keyHash('saddr');
const A0 = keyHash('a0');
const A2 = keyHash('a2');
const A3 = keyHash('a3');
const cursor = new FieldCursor();

/** struct sockaddr_storage: the kernel accepts no more. */
const SOCKADDR_BYTES = 128;
/** Longest SOCKADDR record that is remembered: one with a struct sockaddr_un. */
const KNOWN_BYTES = 256;

/** Reads the SOCKADDR records of one source. */
export class SockaddrReader {
  readonly #cursor = new FieldCursor();
  /** Memory for decoded addresses, reused each time. */
  readonly #sockaddr = Buffer.alloc(SOCKADDR_BYTES);
  /** Views of its first bytes, by their number. */
  readonly #sockaddrOf = Array.from({ length: SOCKADDR_BYTES + 1 }, (_, length) =>
    this.#sockaddr.subarray(0, length),
  );
  /** The text of the last record. */
  readonly #knownText = new KnownBytes(KNOWN_BYTES);
  #known: SocketName | undefined;

  /** The name in a SOCKADDR record; undefined if it cannot be read. */
  read(record: AuditRecord): SocketName | undefined {
    const { bytes, start, end } = record;
    if (this.#knownText.matches(bytes, start, end)) return this.#known;
    const name = this.#readName(record);
    if (name === undefined) {
      damage.records++;
      return undefined;
    }
    this.#known = name;
    this.#knownText.keep(bytes, start, end);
    return name;
  }

  #readName(record: AuditRecord): SocketName | undefined {
    const cursor = this.#cursor.reset(record.bytes, record.start, record.end);
    while (cursor.next()) {
      if (cursor.key !== SADDR) continue;
      const { bytes, valueStart, valueEnd } = cursor;
      const kernelsOwn = valueEnd - valueStart <= 2 * SOCKADDR_BYTES;
      const target = kernelsOwn ? this.#sockaddr : Buffer.allocUnsafe((valueEnd - valueStart) >>> 1);
      const length = decodeHexInto(target, bytes, valueStart, valueEnd);
      if (length === undefined) return undefined;
      return parseSockaddr(kernelsOwn ? this.#sockaddrOf[length]! : target);
    }
    return undefined;
  }
}

/** The first argument of the call; for socketcall it is in the SOCKETCALL record. */
const fileDescriptor = (group: RecordGroup, syscall: SyscallRecord): number =>
  (socketcallArgument(group, A0) ?? syscall.a0) | 0;

/** An argument of the call behind socketcall; undefined for any other call. */
const socketcallArgument = (group: RecordGroup, key: number): number | undefined => {
  const record = firstOf(group, AUDIT_SOCKETCALL);
  if (record === undefined) return undefined;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (cursor.key === key) return hexWord(cursor) ?? 0;
  return undefined;
};
