import type { AuditEvent } from './audit-event.ts';
import { ClaimedPaths, PR_SET_MM } from './claimed-paths.ts';
import { AUDIT_CWD, AUDIT_EXECVE, AUDIT_SOCKADDR, AUDIT_SYSCALL } from './constants.ts';
import { firstOf, isUserMessage, type RecordGroup } from './correlator.ts';
import { damage } from './damage.ts';
import { ExecutedFileReader } from './executed-file.ts';
import { fileCall } from './file-calls.ts';
import { readFileEvent } from './file-event.ts';
import type { FileContext } from './file-paths.ts';
import { InterpretedNames } from './interpreted-names.ts';
import { hasUringop, readUringops, UringReader } from './io-uring.ts';
import { KnownFiles } from './known-files.ts';
import { type KindOfTask, type ProcessReadingOptions, readProcessEvent } from './process-event.ts';
import type { AuditRecord } from './record.ts';
import { isReport, readRecordEvent } from './record-event.ts';
import { readSocketEvent, SockaddrReader } from './socket-event.ts';
import { SyscallReader, type SyscallReading } from './syscall-record.ts';
import type { SyscallName } from './syscalls.ts';
import { readUringFileEvents } from './uring-file-event.ts';
import { readUserEvent } from './user-event.ts';

/** Which events are wanted. Everything else is dropped as early as possible. */
export interface Interests {
  readonly syscalls: ReadonlySet<SyscallName>;
  readonly userMessages: boolean;
  /** Types of records that each are an event. */
  readonly reports: ReadonlySet<number>;
  /** Whether datagrams that name their receiver are wanted. */
  readonly datagrams: boolean;
}

export interface InterpreterCounters {
  /** Groups that are none of our events: other system calls, failed execs, threads, other address families. */
  filtered: number;
  /** Groups whose main record cannot be read. */
  malformed: number;
  /** Events that lack a record or an argument, and have NULL instead. */
  incomplete: number;
  /** Groups that lack a record which their event requires. */
  unusable: number;
  /** System calls with an unknown architecture or number. */
  unknownArch: number;
}

const SOCKET_CALLS: ReadonlySet<SyscallName> = new Set([
  ...(['bind', 'connect', 'accept', 'accept4'] as const),
  ...(['sendto', 'sendmsg', 'sendmmsg'] as const),
]);

/** Records that the kernel writes only behind a SYSCALL or a URINGOP. */
const BEHIND_SYSCALL: ReadonlySet<number> = new Set([AUDIT_EXECVE, AUDIT_SOCKADDR, AUDIT_CWD]);

/** Whether its SYSCALL was lost. */
const isRest = (group: RecordGroup): boolean =>
  group.arguments !== undefined || group.records.some(({ type }) => BEHIND_SYSCALL.has(type));

/** The call that submits operations to io_uring. Only its actor is of interest. */
const SUBMISSION: ReadonlySet<SyscallName> = new Set(['io_uring_enter']);

const NO_EVENTS: readonly AuditEvent[] = [];

/** What a log adds to events. */
interface Origin {
  node?: AuditEvent['node'];
  names?: AuditEvent['names'];
}

/** Adds the host and the names of users from a log. */
const withOrigin = (
  group: RecordGroup,
  events: readonly AuditEvent[],
  interpreted: InterpretedNames,
): readonly AuditEvent[] => {
  const { node, isLogged } = group;
  if (events.length === 0 || isLogged !== true) return events;
  const call = firstOf(group, AUDIT_SYSCALL);
  const names = call === undefined ? undefined : interpreted.of(call);
  if (node === undefined && names === undefined) return events;
  // The events were made just now and are not shared yet, so they may be changed.
  for (const event of events as readonly Origin[]) {
    event.node = node;
    event.names = names;
  }
  return events;
};

/** Turns groups of records into events. */
export class Interpreter {
  readonly counters: InterpreterCounters = {
    filtered: 0,
    malformed: 0,
    incomplete: 0,
    unusable: 0,
    unknownArch: 0,
  };
  /** Damaged records: the damaged part is NULL, or their group counts as malformed. */
  damagedRecords = 0;
  readonly #processes: ProcessReadingOptions;
  readonly #files: FileContext;
  readonly #syscalls = new SyscallReader();
  readonly #addresses = new SockaddrReader();
  readonly #uring = new UringReader(this.#addresses);
  readonly #names = new InterpretedNames();
  readonly #claimed = new ClaimedPaths();
  interests: Interests;
  /** The first unknown system call. */
  firstUnknown: { readonly arch: number; readonly number: number } | undefined;

  /** @param openDirectory see FileContext; absent if the processes no longer exist */
  constructor(
    interests: Interests,
    kindOfTask: KindOfTask,
    openDirectory: FileContext['openDirectory'] = () => undefined,
  ) {
    this.interests = interests;
    this.#processes = {
      kindOfTask,
      files: new ExecutedFileReader(),
      argumentBytes: Number.POSITIVE_INFINITY,
    };
    this.#files = { known: new KnownFiles(), openDirectory };
  }

  /** Bytes of a process's arguments that are wanted. */
  set argumentBytes(bytes: number) {
    this.#processes.argumentBytes = bytes;
  }

  /** @returns nothing for a group that is none of our events or cannot be read; each case has its counter */
  interpret(group: RecordGroup): readonly AuditEvent[] {
    damage.records = 0;
    const found = withOrigin(group, this.#interpret(group), this.#names);
    const events = this.#claimed.isEmpty ? found : found.map(event => this.#claimed.withoutClaims(event));
    this.damagedRecords += damage.records;
    return events;
  }

  #interpret(group: RecordGroup): readonly AuditEvent[] {
    const first = group.records[0];
    if (first === undefined) return this.#drop('filtered');
    if (isUserMessage(first.type)) {
      if (!this.interests.userMessages) return this.#drop('filtered');
      const event = readUserEvent(first);
      return event === undefined ? this.#drop('malformed') : [event];
    }
    if (isReport(first.type)) {
      return this.interests.reports.has(first.type) ? [readRecordEvent(first)] : this.#drop('filtered');
    }
    // Records of io_uring operations come before SYSCALL.
    const main = firstOf(group, AUDIT_SYSCALL);
    if (main !== first && hasUringop(group)) return this.#interpretUring(group, main);
    if (main === undefined) return this.#drop(isRest(group) ? 'unusable' : 'filtered');
    return this.#interpretSyscall(group, this.#syscalls.read(main, this.interests.syscalls));
  }

  #interpretSyscall(group: RecordGroup, reading: SyscallReading): readonly AuditEvent[] {
    if (reading.kind === 'malformed') return this.#drop('malformed');
    if (reading.kind === 'other') return this.#drop('filtered');
    if (reading.kind === 'unknown') {
      this.firstUnknown ??= { arch: reading.arch, number: reading.number };
      return this.#drop('unknownArch');
    }
    const { syscall } = reading;

    if (SOCKET_CALLS.has(syscall.name)) {
      const socket = readSocketEvent(group, syscall, this.#addresses, this.interests.datagrams);
      if (socket.kind === 'event') return [socket.event];
      return this.#drop(socket.kind === 'other' ? 'filtered' : 'unusable');
    }
    if (!syscall.success) return this.#drop('filtered');
    if (syscall.name === 'prctl') {
      if (syscall.a0 === PR_SET_MM) this.#claimed.add(syscall);
      return this.#drop('filtered');
    }
    if (fileCall(syscall.name) !== undefined) {
      const file = readFileEvent(group, syscall, this.#files);
      if (file.kind === 'event') return [file.event];
      return this.#drop(file.kind === 'other' ? 'filtered' : 'unusable');
    }
    const process = readProcessEvent(group, syscall, this.#processes);
    if (process === undefined) return this.#drop('filtered');
    if (process.incomplete) this.counters.incomplete++;
    return [process.event];
  }

  /**
   * @param main the system call during which the operations were done: mostly, but not always, the one that submits
   * them
   */
  #interpretUring(group: RecordGroup, main: AuditRecord | undefined): readonly AuditEvent[] {
    const submission = main && this.#syscalls.read(main, SUBMISSION);
    if (submission?.kind === 'malformed') return this.#drop('malformed');
    // This includes unknown calls.
    const isWithinOther = submission !== undefined && submission.kind !== 'syscall';
    const operations = readUringops(group);
    if (operations === undefined) return this.#drop('malformed');
    const submitting = submission?.kind === 'syscall' ? submission.syscall : undefined;
    const wanted = this.interests.syscalls;
    const sockets = this.#uring.read(group, operations, { submission: submitting, isWithinOther, wanted });
    if (!isWithinOther) {
      const files = wanted.has('openat')
        ? readUringFileEvents(group, operations, submitting, this.#files)
        : NO_EVENTS;
      const events = [...sockets, ...files];
      return events.length > 0 ? events : this.#drop('filtered');
    }
    const own = this.#syscalls.read(main!, this.interests.syscalls);
    const isOwn = own.kind === 'syscall' || own.kind === 'malformed';
    if (!isOwn && sockets.length > 0) return sockets;
    return [...this.#interpretSyscall(group, own), ...sockets];
  }

  #drop(counter: keyof InterpreterCounters): readonly AuditEvent[] {
    this.counters[counter]++;
    if (counter === 'malformed') damage.records++;
    return NO_EVENTS;
  }
}
