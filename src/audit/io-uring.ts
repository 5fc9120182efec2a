import type { SocketEvent } from './audit-event.ts';
import { AUDIT_SOCKADDR, AUDIT_URINGOP, EAGAIN } from './constants.ts';
import { firstOf, type RecordGroup } from './correlator.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import type { SocketName } from './sockaddr.ts';
import { type SockaddrReader, socketEvent } from './socket-event.ts';
import type { SyscallRecord } from './syscall-record.ts';
import type { SyscallName } from './syscalls.ts';
import { decimal } from './value.ts';

/** Operations of io_uring that correspond to the system calls of these names. */
export type UringOperation = 'accept' | 'connect' | 'bind';

/** Numbers of the operations that make events: enum io_uring_op in linux/io_uring.h. */
export const IORING_OP: Readonly<Record<UringOperation, number>> = { accept: 13, connect: 16, bind: 56 };

const operationOf = new Map(
  Object.entries(IORING_OP).map(([name, number]) => [number, name as UringOperation]),
);

/** The content of a URINGOP record: not the address, not the descriptor, and only this about the outcome. */
interface Operation
  extends Pick<
    SyscallRecord,
    'pid' | 'ppid' | 'uid' | 'gid' | 'euid' | 'egid' | 'suid' | 'fsuid' | 'sgid' | 'fsgid'
  > {
  readonly name: UringOperation;
  /** Not done yet: it is tried again when it need not wait, with another record. */
  readonly isPending: boolean;
}

export type UringReading =
  | { readonly kind: 'events'; readonly events: readonly SocketEvent[] }
  | { readonly kind: 'malformed' };

export interface UringContext {
  /** The io_uring_enter to which the operations belong, if it was recorded. */
  readonly submission: SyscallRecord | undefined;
  /** Whether they were done during another system call, whose address the event would have. */
  readonly isWithinOther: boolean;
  readonly wanted: ReadonlySet<SyscallName>;
}

const MALFORMED: UringReading = { kind: 'malformed' };

/**
 * Whether an event has operations of io_uring. Their records come before that of the system call, if there is one.
 */
export const hasUringop = ({ records }: RecordGroup): boolean =>
  records.some(({ type }) => type === AUDIT_URINGOP);

/**
 * Makes the events of io_uring's operations. The kernel records the address (SOCKADDR) only in the event in which the
 * operation was submitted, and the program (`exe`, `auid`) only if that was a system call: with IORING_SETUP_SQPOLL a
 * kernel thread submits, and with IOSQE_ASYNC another kernel thread tries, without the address.
 *
 * An operation that must wait has a record for each try, and only the pid connects them. The try with the address is
 * an event. The end of a connect is an event too, without an address: it cannot be determined whether it belongs to
 * that connect, because it may be another one, submitted with IOSQE_ASYNC so that its address is not recorded.
 *
 * The exit value in a record is not the operation's: a refused connect also has 0. Source: __audit_uring_exit in
 * kernel/auditsc.c, io_connect in io_uring/net.c.
 */
export class UringReader {
  readonly #addresses: SockaddrReader;

  constructor(addresses: SockaddrReader) {
    this.#addresses = addresses;
  }

  read(group: RecordGroup, { submission, isWithinOther, wanted }: UringContext): UringReading {
    const operations: Operation[] = [];
    for (const record of group.records) {
      if (record.type !== AUDIT_URINGOP) continue;
      const operation = readUringop(record);
      if (operation === 'malformed') return MALFORMED;
      if (operation !== undefined && wanted.has(operation.name)) operations.push(operation);
    }
    const [first] = operations;
    if (first === undefined) return { kind: 'events', events: [] };

    // The kernel keeps only the last of several addresses. It can be attributed only if all operations are alike.
    const isOneKind = operations.every(({ name }) => name === first.name);
    const record = firstOf(group, AUDIT_SOCKADDR);
    const address = isOneKind && !isWithinOther ? record && this.#addresses.read(record) : undefined;

    const done = operations.filter(({ isPending }) => !isPending);
    const events: SocketEvent[] = [];
    const add = (operation: Operation, address: SocketName | undefined): void => {
      if (address?.kind !== 'other') events.push(eventOf(group, operation, submission, address));
    };
    if (done.length === 0) {
      // An accept waits for its client without an address, and becomes an event when the client has come.
      if (address !== undefined) add(first, address);
      return { kind: 'events', events };
    }
    done.forEach((operation, index) => {
      add(operation, index === done.length - 1 ? address : undefined);
    });
    return { kind: 'events', events };
  }
}

const eventOf = (
  group: RecordGroup,
  operation: Operation,
  submission: SyscallRecord | undefined,
  name: SocketName | undefined,
): SocketEvent => {
  const { auid, ses, tty, comm, exe } = submission ?? NOBODY;
  const actor = { ...operation, auid, ses, tty, comm, exe };
  return socketEvent(group, name, actor, {
    action: operation.name,
    syscall: 'io_uring_enter',
    fd: undefined,
    outcome: outcome(operation, name),
    exit: undefined,
  });
};

const NOBODY = { auid: undefined, ses: undefined, tty: undefined, comm: undefined, exe: undefined };

const outcome = ({ name, isPending }: Operation, address: SocketName | undefined): SocketEvent['outcome'] => {
  if (isPending) return 'in_progress';
  // An accept that found no client has no address to record.
  return name === 'accept' && address !== undefined ? 'succeeded' : undefined;
};

const cursor = new FieldCursor();

/**
 * Reads a URINGOP record: `uring_op=16 success=yes exit=0 items=0 ppid=1 pid=2 uid=0 gid=0 euid=0 …`.
 * Source: audit_log_uring in kernel/auditsc.c.
 *
 * @returns undefined for an operation that makes no event
 */
const readUringop = (record: AuditRecord): Operation | 'malformed' | undefined => {
  const values = new Map<number, number | undefined>();
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (!values.has(cursor.key)) values.set(cursor.key, decimal(cursor));
  const value = (key: string): number | undefined => values.get(keyHash(key));

  const number = value('uring_op');
  if (number === undefined) return 'malformed';
  const name = operationOf.get(number);
  if (name === undefined) return undefined;
  const [pid, uid, gid, euid, egid] = ['pid', 'uid', 'gid', 'euid', 'egid'].map(value);
  if (
    pid === undefined ||
    uid === undefined ||
    gid === undefined ||
    euid === undefined ||
    egid === undefined
  ) {
    return 'malformed';
  }
  return {
    name,
    isPending: value('exit') === -EAGAIN,
    pid,
    ppid: value('ppid'),
    uid,
    gid,
    euid,
    egid,
    suid: value('suid'),
    fsuid: value('fsuid'),
    sgid: value('sgid'),
    fsgid: value('fsgid'),
  };
};
