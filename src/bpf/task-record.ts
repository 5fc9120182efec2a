/**
 * The first part of every record: the task that a program ran in, when it ran, and the audit event that the task's
 * call will become. All programs share it, so it stands once.
 *
 * | at | bytes | |
 * |---|---|---|
 * | 0 | 8 | nanoseconds since boot, with the time asleep |
 * | 8 | 4 | process id (tgid), in the first pid namespace |
 * | 12 | 4 | thread id |
 * | 16 | 4 | kind of the record |
 * | 20 | 4 | uid; 0 if audit sees the task |
 * | 24 | 4 | gid; 0 if audit sees the task |
 * | 28 | 4 | 1: the task is in a system call that audit follows, which the next four describe; other values: it is not |
 * | 32 | 8 | audit's timestamp of the call, seconds since the epoch, … |
 * | 40 | 4 | … and nanoseconds |
 * | 44 | 4 | number of the system call |
 * | 48 | 8 | its first argument |
 * | 56 | 8 | cgroup id: the inode of its directory (cgroup v2); 0 if audit sees the task |
 * | 64 | 8 | when the thread was started, nanoseconds since boot; 0 if audit sees the task |
 * | 72 | 16 | the thread's name (comm); empty if audit sees the task |
 * | 88 | 4 | 1: the task has an audit context; 0: audit cannot see it |
 * | 92 | 4 | when the record was passed on: the monotonic clock in units of 2^20 nanoseconds, lower 32 bits |
 */
export const TASK = {
  bootNs: 0,
  tgid: 8,
  tid: 12,
  kind: 16,
  uid: 20,
  gid: 24,
  inCall: 28,
  seconds: 32,
  nanoseconds: 40,
  call: 44,
  argument: 48,
  cgroup: 56,
  startNs: 64,
  comm: 72,
  hasContext: 88,
  passedOn: 92,
  bytes: 96,
} as const;

export const COMM_BYTES = 16;

/** What a record's first part says. Audit says the rest of a task that it sees: then uid, gid, cgroup, startNs and comm are 0 or empty. */
export interface TaskFacts {
  readonly bootNs: bigint;
  readonly tgid: number;
  readonly tid: number;
  readonly uid: number;
  readonly gid: number;
  /** Whether audit can see the task: it gets a context when it is forked, if audit was enabled once by then. */
  readonly isAudited: boolean;
  /** The call that the task was in, with the timestamp of its audit event; undefined if audit does not follow it. */
  readonly call: AuditedCall | undefined;
  readonly cgroup: bigint;
  readonly startNs: bigint;
  readonly comm: string;
}

export interface AuditedCall {
  readonly seconds: number;
  /** 0–999, as in the event. */
  readonly milliseconds: number;
  readonly number: number;
  /** Lower 32 bits of the first argument. */
  readonly argument: number;
}

/** @param at where the record begins */
export const readTaskFacts = (bytes: Buffer, at: number): TaskFacts => ({
  bootNs: bytes.readBigUInt64LE(at + TASK.bootNs),
  tgid: bytes.readUInt32LE(at + TASK.tgid),
  tid: bytes.readUInt32LE(at + TASK.tid),
  uid: bytes.readUInt32LE(at + TASK.uid),
  gid: bytes.readUInt32LE(at + TASK.gid),
  isAudited: bytes.readUInt32LE(at + TASK.hasContext) !== 0,
  call: readCall(bytes, at),
  cgroup: bytes.readBigUInt64LE(at + TASK.cgroup),
  startNs: bytes.readBigUInt64LE(at + TASK.startNs),
  comm: readComm(bytes, at + TASK.comm),
});

export const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** The value of `inCall` in a system call that audit follows. Source: kernel/audit.h; older kernels have a flag with this value. */
export const AUDIT_CTX_SYSCALL = 1;

const readCall = (bytes: Buffer, at: number): AuditedCall | undefined => {
  if (bytes.readUInt32LE(at + TASK.inCall) !== AUDIT_CTX_SYSCALL) return undefined;
  return {
    // Six bytes last until the year 8 million.
    seconds: bytes.readUIntLE(at + TASK.seconds, 6),
    milliseconds: Math.floor(bytes.readUInt32LE(at + TASK.nanoseconds) / NANOSECONDS_PER_MILLISECOND),
    number: bytes.readInt32LE(at + TASK.call),
    argument: bytes.readInt32LE(at + TASK.argument),
  };
};

const readComm = (bytes: Buffer, at: number): string => {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end < 0 || end > at + COMM_BYTES ? at + COMM_BYTES : end);
};
