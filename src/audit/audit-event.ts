import type { FileOperation } from './file-calls.ts';

/**
 * What happened, independent of the source: the Linux audit stream and OpenBSM both produce these events; the tables
 * and the Event Model consume them.
 *
 * Text fields are decoded: no audit quoting or hex is left, and bytes that are not UTF-8 are written as `\xHH`.
 * `undefined` means that the source did not say; it becomes NULL in a row, never a guess.
 */
export type AuditEvent = ProcessEvent | SocketEvent | UserEvent | RecordEvent | FileEvent;

/** Names that a log gives for the ids. */
export interface RecordedNames {
  /** Names of the uid and of the auid. */
  readonly user: string | undefined;
  readonly login: string | undefined;
}

interface EventOrigin {
  /** Seconds since the epoch, from the event's own timestamp. */
  readonly seconds: number;
  /** 0–999. */
  readonly milliseconds: number;
  /** The audit serial (a wrapping u32), or the record's number within its trail for OpenBSM; 0 if audit did not see it. */
  readonly serial: number;
  /** Whether only BPF has seen it, because audit cannot see the process. */
  readonly isUnaudited?: boolean;
  /** The host named in a log. */
  readonly node?: string | undefined;
  /** As in an enriched log. */
  readonly names?: RecordedNames | undefined;
}

/** The acting process as its source describes it. Ids are raw: an unset auid is 4294967295. */
interface Actor {
  readonly pid: number;
  readonly ppid: number | undefined;
  readonly auid: number;
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly egid: number;
  readonly suid: number | undefined;
  readonly sgid: number | undefined;
  readonly fsuid: number | undefined;
  readonly fsgid: number | undefined;
  /** Audit session id; unset is 4294967295. */
  readonly ses: number | undefined;
  readonly tty: string | undefined;
  readonly comm: string | undefined;
  readonly exe: string | undefined;
}

/** A file that took part in an exec, from a PATH record or an attr token. */
export interface ExecutedFile {
  /** As recorded: octal text, such as `0100755`. */
  readonly mode: string | undefined;
  readonly ouid: number | undefined;
  readonly ogid: number | undefined;
  /** Decimal text: inode numbers exceed 2^53 on some filesystems. */
  readonly inode: string | undefined;
  /** `major:minor` in hexadecimal, as the kernel writes it. */
  readonly dev: string | undefined;
  readonly name: string | undefined;
}

export interface ProcessEvent extends EventOrigin, Actor {
  readonly kind: 'process';
  /**
   * exec: a new image; fork: a new process, with `pid` the child; kill: a signal sent, with `pid` the sender; exit.
   */
  readonly action: 'exec' | 'fork' | 'kill' | 'exit';
  /** Name of the system call: `execve`, `clone3`, `posix_spawn` … */
  readonly syscall: string;
  /** The parent of process `pid` at the time of the event; undefined if the source cannot tell. */
  readonly parent: number | undefined;
  /** What the system call returned. */
  readonly exit: number;
  /**
   * The macOS errno of the call, 0 if it succeeded: OpenBSM records failed execs too. undefined on Linux, where only
   * successful calls become events.
   */
  readonly status: number | undefined;
  /** Path of the image: the one that runs now, or the one that a failed exec asked for. */
  readonly path: string | undefined;
  readonly cwd: string | undefined;
  readonly argv: readonly string[] | undefined;
  /** Bytes of all arguments joined by spaces, if `argv` holds only the first of them; see `boundArguments`. */
  readonly commandLineBytes?: number;
  /** Only OpenBSM records it. */
  readonly env: readonly string[] | undefined;
  /**
   * The files that an exec opened: first the one that was asked for, which for a script is the script; then its
   * interpreter and loader. Empty if the source recorded none.
   */
  readonly files: readonly ExecutedFile[];
  /** For a kill on Linux: the receiver of the signal. */
  readonly target?: SignalTarget | undefined;
}

/** A signal and its receiver. */
export interface SignalTarget {
  /**
   * The process that the kernel recorded. If it recorded several, the argument of the call: -1 or the negative id of
   * a process group. If it recorded none, the id as the sender's namespace has it.
   */
  readonly pid: number;
  /** Name of its main thread; undefined if there are several processes, or none was recorded. */
  readonly comm: string | undefined;
  /** 0 only asks whether the process exists. */
  readonly signal: number | undefined;
}

export interface SocketAddress {
  /** IPv4 dotted, IPv6 as in RFC 5952. */
  readonly address: string;
  readonly port: number;
}

/** For io_uring, the kernel may not record the login. */
export interface UringActor extends Omit<Actor, 'auid'> {
  readonly auid: number | undefined;
}

export interface SocketEvent extends EventOrigin, UringActor {
  readonly kind: 'socket';
  /** sendto: a datagram that names its receiver, as OpenBSM records it. */
  readonly action: 'bind' | 'connect' | 'accept' | 'sendto';
  /** For io_uring operations this is io_uring_enter; the kernel records less of them. */
  readonly syscall: string;
  readonly fd: number | undefined;
  /**
   * In Linux's numbering, whatever the source: 1 AF_UNIX, 2 AF_INET, 10 AF_INET6; undefined if no address was
   * recorded.
   */
  readonly family: number | undefined;
  readonly protocol: number | undefined;
  readonly local: SocketAddress | undefined;
  readonly remote: SocketAddress | undefined;
  /** AF_UNIX path; an abstract name starts with `@`, the empty name of an unnamed socket is ''. */
  readonly socket: string | undefined;
  readonly outcome: 'succeeded' | 'in_progress' | 'no_client' | 'failed' | undefined;
  readonly exit: number | undefined;
}

export interface UserEvent extends EventOrigin {
  readonly kind: 'user';
  /** Audit record type (1100–1199, 2100–2999), or the BSM event number. */
  readonly type: number;
  readonly pid: number | undefined;
  readonly uid: number | undefined;
  readonly auid: number | undefined;
  readonly ses: number | undefined;
  /** The whole inner message. */
  readonly message: string;
  readonly path: string | undefined;
  readonly address: string | undefined;
  readonly terminal: string | undefined;
  readonly acct: string | undefined;
  readonly hostname: string | undefined;
  readonly op: string | undefined;
  /** `success` or `failed`, as recorded. */
  readonly res: string | undefined;
  /** The command line that sudo was given (USER_CMD). */
  readonly command?: string | undefined;
}

/**
 * A single record with a meaning of its own, from a part of the kernel: SELinux, AppArmor, seccomp. The table for its
 * type knows its content.
 */
export interface RecordEvent extends EventOrigin {
  readonly kind: 'record';
  /** Audit record type: 1326, 1400 … */
  readonly type: number;
  /** The whole record as the kernel writes it, including `audit(…): `. */
  readonly message: string;
  /**
   * The `name=value` fields of the record. Of several with the same name the first counts; fields that stand for no
   * value are left out.
   */
  readonly fields: ReadonlyMap<string, string>;
  readonly uid: number | undefined;
  readonly auid: number | undefined;
}

/** A change of a file, or an open. */
export interface FileEvent extends EventOrigin, UringActor {
  readonly kind: 'file';
  readonly operation: FileOperation;
  /** For io_uring operations this is io_uring_enter; the kernel records less of them. */
  readonly syscall: string;
  readonly exit: number | undefined;
  readonly cwd: string | undefined;
  /** Absolute, as the process sees it; for a symlink, its target. */
  readonly path: string | undefined;
  /** The new name, if there is one. */
  readonly destPath: string | undefined;
  /** Whether a path could not be determined: then it is the name as recorded. */
  readonly isPartial: boolean;
  /**
   * Whether a rule of ours made the kernel record it: then the file is watched, whatever its path looks like in the
   * process.
   */
  readonly isSelected: boolean;
  readonly inode: string | undefined;
  /** As recorded: octal text, such as `0100644`. */
  readonly mode: string | undefined;
  readonly ownerUid: number | undefined;
  readonly ownerGid: number | undefined;
}
