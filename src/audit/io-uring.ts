import type { SocketEvent } from './audit-event.ts';
import { AUDIT_SOCKADDR, AUDIT_URINGOP } from './constants.ts';
import { firstOf, type RecordGroup } from './correlator.ts';
import type { SocketName } from './sockaddr.ts';
import { type SockaddrReader, socketEvent } from './socket-event.ts';
import type { SyscallRecord } from './syscall-record.ts';
import type { SyscallName } from './syscalls.ts';
import { readUringop, type UringopRecord } from './uringop-record.ts';

/** Operations of io_uring that correspond to the system calls of these names. */
export type UringOperation = 'accept' | 'connect' | 'bind';

/** Numbers of the operations that make events: enum io_uring_op in linux/io_uring.h. */
export const IORING_OP: Readonly<Record<UringOperation, number>> = { accept: 13, connect: 16, bind: 56 };

const operationOf = new Map(
  Object.entries(IORING_OP).map(([name, number]) => [number, name as UringOperation]),
);

/** An operation from which socket events are made. */
interface Operation extends UringopRecord {
  readonly name: UringOperation;
}

export interface UringContext {
  /** The io_uring_enter to which the operations belong, if it was recorded. */
  readonly submission: SyscallRecord | undefined;
  /** Whether they were done during another system call, whose address the event would have. */
  readonly isWithinOther: boolean;
  readonly wanted: ReadonlySet<SyscallName>;
}

/** Whether an event contains io_uring operations. Their records come before the record of the system call, if there is one. */
export const hasUringop = ({ records }: RecordGroup): boolean =>
  records.some(({ type }) => type === AUDIT_URINGOP);

/** @returns undefined if one of their records is damaged */
export const readUringops = ({ records }: RecordGroup): readonly UringopRecord[] | undefined => {
  const operations: UringopRecord[] = [];
  for (const record of records) {
    if (record.type !== AUDIT_URINGOP) continue;
    const operation = readUringop(record);
    if (operation === undefined) return undefined;
    operations.push(operation);
  }
  return operations;
};

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

  /** @param all all operations of an event, of any kind */
  read(
    group: RecordGroup,
    all: readonly UringopRecord[],
    { submission, isWithinOther, wanted }: UringContext,
  ): readonly SocketEvent[] {
    const operations: Operation[] = [];
    for (const each of all) {
      const name = operationOf.get(each.operation);
      if (name !== undefined && wanted.has(name)) operations.push({ ...each, name });
    }
    const [first] = operations;
    if (first === undefined) return [];

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
      return events;
    }
    done.forEach((operation, index) => {
      add(operation, index === done.length - 1 ? address : undefined);
    });
    return events;
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
