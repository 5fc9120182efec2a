import type { AuditEvent } from './audit-event.ts';
import { ClaimedPaths, PR_SET_MM } from './claimed-paths.ts';
import { AUDIT_CWD, AUDIT_EXECVE, AUDIT_SOCKADDR, AUDIT_SYSCALL } from './constants.ts';
import { firstOf, isUserMessage, type RecordGroup } from './correlator.ts';
import { damage } from './damage.ts';
import { ExecutedFileReader } from './executed-file.ts';
import { fileCall } from './file-calls.ts';
import { type FileContext, readFileEvent } from './file-event.ts';
import { InterpretedNames } from './interpreted-names.ts';
import { hasUringop, UringReader } from './io-uring.ts';
import { KnownFiles } from './known-files.ts';
import { type KindOfTask, type ProcessReadingOptions, readProcessEvent } from './process-event.ts';
import type { AuditRecord } from './record.ts';
import { isReport, readRecordEvent } from './record-event.ts';
import { readSocketEvent, SockaddrReader } from './socket-event.ts';
import { SyscallReader, type SyscallReading } from './syscall-record.ts';
import type { SyscallName } from './syscalls.ts';
import { readUserEvent } from './user-event.ts';

/** Which events are wanted; everything else is dropped as early as it can be told. */
export interface Interests {
  readonly syscalls: ReadonlySet<SyscallName>;
  readonly userMessages: boolean;
  /** Types of records that are an event each. */
  readonly reports: ReadonlySet<number>;
  /** Whether datagrams are wanted that name their receiver. */
  readonly datagrams: boolean;
}

export interface InterpreterCounters {
  /** Groups that are no event of ours: other system calls, failed execs, threads, other address families. */
  filtered: number;
  /** Groups whose main record cannot be read. */
  malformed: number;
  /** Events that lack a record or an argument, and have NULL for it. */
  incomplete: number;
  /** Groups that lack a record without which there is no event. */
  unusable: number;
  /** System calls of an architecture, or with a number, that is not known here. */
  unknownArch: number;
}

const SOCKET_CALLS: ReadonlySet<SyscallName> = new Set([
  ...(['bind', 'connect', 'accept', 'accept4'] as const),
  ...(['sendto', 'sendmsg', 'sendmmsg'] as const),
]);

/** Records that the kernel writes behind a SYSCALL only, or behind a URINGOP. */
const BEHIND_SYSCALL: ReadonlySet<number> = new Set([AUDIT_EXECVE, AUDIT_SOCKADDR, AUDIT_CWD]);

/** Whether its SYSCALL was lost. */
const isRest = (group: RecordGroup): boolean =>
  group.arguments !== undefined || group.records.some(({ type }) => BEHIND_SYSCALL.has(type));

/** The call that hands operations to io_uring: of interest for its actor only. */
const SUBMISSION: ReadonlySet<SyscallName> = new Set(['io_uring_enter']);

const NO_EVENTS: readonly AuditEvent[] = [];

/** What events have of it. */
interface Origin {
  node?: AuditEvent['node'];
  names?: AuditEvent['names'];
}

/** Adds what a log says of its host and of users. */
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
  /** Records that are damaged: what they say is NULL, or their group is among the malformed ones. */
  damagedRecords = 0;
  readonly #processes: ProcessReadingOptions;
  readonly #files: FileContext;
  readonly #syscalls = new SyscallReader();
  readonly #addresses = new SockaddrReader();
  readonly #uring = new UringReader(this.#addresses);
  readonly #names = new InterpretedNames();
  readonly #claimed = new ClaimedPaths();
  interests: Interests;
  /** The first system call that is not known here. */
  firstUnknown: { readonly arch: number; readonly number: number } | undefined;

  /** @param openDirectory see FileContext; absent, there is no process left to look at */
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

  /** @returns none for what is no event of ours, or cannot be read; which of the two is counted */
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
    // Operations of io_uring come before SYSCALL.
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
      return file.kind === 'event' ? [file.event] : this.#drop('unusable');
    }
    const process = readProcessEvent(group, syscall, this.#processes);
    if (process === undefined) return this.#drop('filtered');
    if (process.incomplete) this.counters.incomplete++;
    return [process.event];
  }

  /** @param main the system call in whose course the operations were done: mostly, but not always, the one that submits them */
  #interpretUring(group: RecordGroup, main: AuditRecord | undefined): readonly AuditEvent[] {
    const submission = main && this.#syscalls.read(main, SUBMISSION);
    if (submission?.kind === 'malformed') return this.#drop('malformed');
    // Also a call that is not known.
    const isWithinOther = submission !== undefined && submission.kind !== 'syscall';
    const reading = this.#uring.read(group, {
      submission: submission?.kind === 'syscall' ? submission.syscall : undefined,
      isWithinOther,
      wanted: this.interests.syscalls,
    });
    if (reading.kind === 'malformed') return this.#drop('malformed');
    if (!isWithinOther) {
      return reading.events.length > 0 ? reading.events : this.#drop('filtered');
    }
    const own = this.#syscalls.read(main!, this.interests.syscalls);
    const isOwn = own.kind === 'syscall' || own.kind === 'malformed';
    if (!isOwn && reading.events.length > 0) return reading.events;
    return [...this.#interpretSyscall(group, own), ...reading.events];
  }

  #drop(counter: keyof InterpreterCounters): readonly AuditEvent[] {
    this.counters[counter]++;
    if (counter === 'malformed') damage.records++;
    return NO_EVENTS;
  }
}
