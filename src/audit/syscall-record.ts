import { damage } from './damage.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { isNoSyscall, type SyscallName, socketcallName, syscallName } from './syscalls.ts';
import { DAMAGED, decimal, hexWord, plainText, readPath, readText, type TextReading } from './value.ts';

/** The content of a SYSCALL record of a system call that makes events. */
export interface SyscallRecord {
  readonly arch: number;
  readonly name: SyscallName;
  readonly success: boolean;
  readonly exit: number;
  /** Low 32 bits of the first argument, unsigned; likewise for the next ones. */
  readonly a0: number;
  readonly a1: number | undefined;
  readonly a2: number | undefined;
  readonly a3: number | undefined;
  /** PATH records that the event should have. */
  readonly items: number;
  readonly ppid: number | undefined;
  readonly pid: number;
  readonly auid: number;
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly suid: number | undefined;
  readonly fsuid: number | undefined;
  readonly egid: number;
  readonly sgid: number | undefined;
  readonly fsgid: number | undefined;
  readonly tty: string | undefined;
  readonly ses: number | undefined;
  readonly comm: string | undefined;
  readonly exe: string | undefined;
}

export type SyscallReading =
  | { readonly kind: 'syscall'; readonly syscall: SyscallRecord }
  /** A system call that cannot become an event of ours. */
  | { readonly kind: 'other' }
  /** Its architecture, or its number there, is unknown. */
  | { readonly kind: 'unknown'; readonly arch: number; readonly number: number }
  | { readonly kind: 'malformed' };

const OTHER: SyscallReading = { kind: 'other' };
const MALFORMED: SyscallReading = { kind: 'malformed' };

const ARCH = keyHash('arch');
const SYSCALL = keyHash('syscall');
const SUCCESS = keyHash('success');
const EXIT = keyHash('exit');
const A0 = keyHash('a0');
const A1 = keyHash('a1');
const A2 = keyHash('a2');
const A3 = keyHash('a3');
const ITEMS = keyHash('items');
const PPID = keyHash('ppid');
const PID = keyHash('pid');
const AUID = keyHash('auid');
const LOGINUID = keyHash('loginuid');
const UID = keyHash('uid');
const GID = keyHash('gid');
const EUID = keyHash('euid');
const SUID = keyHash('suid');
const FSUID = keyHash('fsuid');
const EGID = keyHash('egid');
const SGID = keyHash('sgid');
const FSGID = keyHash('fsgid');
const TTY = keyHash('tty');
const SES = keyHash('ses');
const COMM = keyHash('comm');
const EXE = keyHash('exe');

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const LETTER_Y = 0x79;
const LETTER_N = 0x6e;

/** Longest SYSCALL record that is remembered. */
const KNOWN_BYTES = 512;

/** The actor: the part of a SYSCALL record from `ppid`, or `pid`, to `exe`. */
interface Actor extends Pick<SyscallRecord, 'ppid' | 'comm' | 'exe'> {
  readonly pid: number | undefined;
  /** Shared by records with the same identity. */
  readonly identity: Identity;
  /** Whether a text is proved to be damaged; the fields before it are intact. */
  readonly isDamaged: boolean;
}

/** The fields of the call itself. */
interface CallFields {
  arch: number | undefined;
  name: string | undefined;
  success: boolean | undefined;
  exit: number | undefined;
  a0: number | undefined;
  a1: number | undefined;
  a2: number | undefined;
  a3: number | undefined;
  items: number | undefined;
  actor: Actor | undefined;
  /** Where the actor begins in the text. */
  actorAt: number;
}

/** A record, with the interests and the result. */
interface KnownReading {
  readonly reading: SyscallReading;
  readonly interests: ReadonlySet<SyscallName>;
  readonly actor: Actor;
  readonly actorAt: number;
}

/** Longest beginning that is remembered: `arch=… syscall=… success=… `. */
const KNOWN_CALL_BYTES = 64;

/** The beginning of a record whose call was wanted. */
interface KnownCall {
  readonly interests: ReadonlySet<SyscallName>;
  readonly arch: number;
  readonly name: string;
  readonly success: boolean;
}

/** Reads the SYSCALL records of one source. */
export class SyscallReader {
  readonly #cursor = new FieldCursor();
  readonly #actors = new ActorReader();
  /** The text of `#known`. */
  readonly #knownText = new KnownBytes(KNOWN_BYTES);
  /**
   * The last record. A process that makes many calls writes the same text, or at least the same actor. Only for calls
   * without files: no two executions write the same.
   */
  #known: KnownReading | undefined;
  /** The text of `#knownCall`, up to `exit`: most records of a source share it. */
  readonly #knownCallText = new KnownBytes(KNOWN_CALL_BYTES);
  #knownCall: KnownCall | undefined;

  /**
   * Reads a SYSCALL record. Stops at once if the call is not one of `interests`. Damaged texts are left out, and
   * counted. Source of the field order: audit_log_exit and audit_log_task_info in kernel/auditsc.c and
   * kernel/audit.c.
   */
  read(record: AuditRecord, interests: ReadonlySet<SyscallName>): SyscallReading {
    const { bytes, start, end } = record;
    if (this.#known?.interests === interests && this.#knownText.matches(bytes, start, end)) {
      return this.#known.reading;
    }
    const call: CallFields = {
      arch: undefined,
      name: undefined,
      success: undefined,
      exit: undefined,
      a0: undefined,
      a1: undefined,
      a2: undefined,
      a3: undefined,
      items: undefined,
      actor: undefined,
      actorAt: 0,
    };
    const refused = this.#readFields(record, interests, call);
    if (refused !== undefined) return refused;
    const reading = readingOf(call);
    if (reading.kind !== 'syscall') return reading;
    const { actorAt, items } = call;
    const actor = call.actor!;
    if (actor.isDamaged) damage.records++;
    else if (items === 0) {
      const isKept = this.#knownText.keep(bytes, start, end);
      this.#known = isKept ? { reading, interests, actor, actorAt } : undefined;
    }
    return reading;
  }

  /** @returns why the record is not read to its end; undefined if it is */
  #readFields(
    record: AuditRecord,
    interests: ReadonlySet<SyscallName>,
    call: CallFields,
  ): SyscallReading | undefined {
    const { bytes, start, end } = record;
    const callEnd =
      this.#knownCall?.interests === interests ? this.#knownCallText.endAt(bytes, start, end) : -1;
    if (callEnd >= 0) {
      const { arch, name, success } = this.#knownCall!;
      call.arch = arch;
      call.name = name;
      call.success = success;
    }
    const cursor = this.#cursor.reset(bytes, callEnd >= 0 ? callEnd : start, end);
    while (call.actor === undefined && cursor.next()) {
      switch (cursor.key) {
        case ARCH:
          call.arch ??= hexWord(cursor);
          break;
        case SYSCALL: {
          const refused = readName(cursor, interests, call);
          if (refused !== undefined) return refused;
          break;
        }
        case SUCCESS:
          // The kernel leaves it out if it could not tell, for example if the task died in the call.
          call.success = bytes[cursor.valueStart] === LETTER_Y;
          if (!call.success && bytes[cursor.valueStart] !== LETTER_N) return MALFORMED;
          break;
        case EXIT:
          call.exit = decimal(cursor);
          if (callEnd < 0) this.#keepCall(record, cursor.keyStart, interests, call);
          break;
        case A0:
          call.a0 = hexWord(cursor);
          if (call.name === 'socketcall' && !cursor.isAtEnd && !nameSocketcall(interests, call)) return OTHER;
          break;
        case A1:
          call.a1 = hexWord(cursor);
          break;
        case A2:
          call.a2 = hexWord(cursor);
          break;
        case A3:
          call.a3 = hexWord(cursor);
          break;
        case ITEMS:
          call.items = decimal(cursor);
          break;
        case PPID:
        // In the oldest kernels the actor begins here.
        case PID:
          call.actorAt = cursor.keyStart - start;
          call.actor = this.#actorAt(bytes, cursor.keyStart, end);
          break;
      }
    }
    return undefined;
  }

  /** @param end where the call's result begins */
  #keepCall(
    { bytes, start }: AuditRecord,
    end: number,
    interests: ReadonlySet<SyscallName>,
    { arch, name, success, a0 }: CallFields,
  ): void {
    // In the kernel's order. For socketcall, the first argument tells the call.
    if (arch === undefined || name === undefined || success === undefined || a0 !== undefined) return;
    if (name === 'socketcall' || hasQuote(bytes, start, end)) return;
    if (this.#knownCallText.keep(bytes, start, end)) this.#knownCall = { interests, arch, name, success };
  }

  #actorAt(bytes: Buffer, start: number, end: number): Actor {
    const known = this.#known;
    return known !== undefined && this.#knownText.matches(bytes, start, end, known.actorAt)
      ? known.actor
      : this.#actors.read(bytes, start, end);
  }
}

/** @returns why the call is not read; undefined if it is wanted */
const readName = (
  cursor: FieldCursor,
  interests: ReadonlySet<SyscallName>,
  call: CallFields,
): SyscallReading | undefined => {
  // A record that ends with the number was cut off, perhaps within it.
  if (cursor.isAtEnd) return MALFORMED;
  const number = decimal(cursor);
  const { arch } = call;
  if (arch === undefined || number === undefined) return MALFORMED;
  call.name = syscallName(arch, number);
  if (call.name === undefined) return isNoSyscall(number) ? OTHER : { kind: 'unknown', arch, number };
  return call.name === 'socketcall' || interests.has(call.name as SyscallName) ? undefined : OTHER;
};

/** Names the call behind socketcall by its first argument. @returns whether it is wanted */
const nameSocketcall = (interests: ReadonlySet<SyscallName>, call: CallFields): boolean => {
  call.name = call.a0 === undefined ? undefined : socketcallName(call.a0);
  return call.name !== undefined && interests.has(call.name as SyscallName);
};

const readingOf = ({
  arch,
  name,
  success,
  exit,
  a0,
  a1,
  a2,
  a3,
  items,
  actor,
}: CallFields): SyscallReading => {
  if (arch === undefined || name === undefined || a0 === undefined || actor === undefined) return MALFORMED;
  const { pid, identity } = actor;
  const { auid, uid, gid, euid, egid } = identity;
  if (
    pid === undefined ||
    auid === undefined ||
    uid === undefined ||
    gid === undefined ||
    euid === undefined ||
    egid === undefined
  ) {
    return MALFORMED;
  }
  if (success === undefined || exit === undefined) return OTHER;
  return {
    kind: 'syscall',
    syscall: {
      arch,
      name: name as SyscallName,
      success,
      exit,
      a0,
      a1,
      a2,
      a3,
      items: items ?? 0,
      ppid: actor.ppid,
      pid,
      auid,
      uid,
      gid,
      euid,
      suid: identity.suid,
      fsuid: identity.fsuid,
      egid,
      sgid: identity.sgid,
      fsgid: identity.fsgid,
      tty: identity.tty,
      ses: identity.ses,
      comm: actor.comm,
      exe: actor.exe,
    },
  };
};

/** The part of an actor's text from `auid` to `ses`. */
type Identity = Pick<SyscallRecord, 'suid' | 'fsuid' | 'sgid' | 'fsgid' | 'tty' | 'ses'> & {
  readonly [Key in 'auid' | 'uid' | 'gid' | 'euid' | 'egid']: number | undefined;
};
type MutableIdentity = { -readonly [Key in keyof Identity]: Identity[Key] };

/** Longest identity that is remembered. */
const KNOWN_IDENTITY_BYTES = 256;

const NO_IDENTITY: Identity = {
  auid: undefined,
  uid: undefined,
  gid: undefined,
  euid: undefined,
  suid: undefined,
  fsuid: undefined,
  egid: undefined,
  sgid: undefined,
  fsgid: undefined,
  tty: undefined,
  ses: undefined,
};

/** Reads the actor of a call. */
class ActorReader {
  readonly #cursor = new FieldCursor();
  /** The text of `#known`, up to `comm`. */
  readonly #knownText = new KnownBytes(KNOWN_IDENTITY_BYTES);
  /** The last identity: the processes of one service, or one shell, share it. */
  #known: Identity = NO_IDENTITY;

  read(bytes: Buffer, start: number, end: number): Actor {
    let ppid: number | undefined;
    let pid: number | undefined;
    let identity: Identity = NO_IDENTITY;
    let comm: TextReading;
    let exe: TextReading;
    let hasExe = false;
    /** Where the identity begins; -1 if part of it was read before. */
    let identityAt = -1;
    const cursor = this.#cursor.reset(bytes, start, end);
    // Behind `exe` come the security context and the rule's key, which are not needed.
    while (!hasExe && comm !== DAMAGED && cursor.next()) {
      switch (cursor.key) {
        case PPID:
          ppid = decimal(cursor);
          break;
        case PID:
          pid = decimal(cursor);
          break;
        case AUID:
        case LOGINUID: {
          const isFirst = hasNoneButAuid(identity);
          const knownEnd = isFirst ? this.#knownText.endAt(bytes, cursor.keyStart, end) : -1;
          if (knownEnd >= 0) {
            identity = this.#known;
            cursor.reset(bytes, knownEnd, end);
          } else {
            identityAt = isFirst ? cursor.keyStart : -1;
            identity = { ...identity, auid: decimal(cursor) };
          }
          break;
        }
        case COMM:
          if (identityAt >= 0 && !hasQuote(bytes, identityAt, cursor.keyStart)) {
            this.#knownText.keep(bytes, identityAt, cursor.keyStart);
            this.#known = identity;
          }
          identityAt = -1;
          comm = readText(cursor);
          break;
        case EXE:
          hasExe = true;
          exe = readPath(cursor);
          break;
        default:
          // A copy, because the known one may be shared.
          if (identity === NO_IDENTITY || identity === this.#known) identity = { ...identity };
          readIdentityField(cursor, identity);
      }
    }
    // A hex value at the end of the record may be cut off: the kernel writes more fields behind it.
    if (exe !== undefined && !cursor.quoted && cursor.isAtEnd) exe = DAMAGED;
    const isDamaged = comm === DAMAGED || exe === DAMAGED;
    return {
      ppid,
      // The record was cut off before `exe`, which the kernel always writes: no number in it can be trusted.
      pid: hasExe || isDamaged ? pid : undefined,
      identity,
      comm: comm === DAMAGED ? undefined : comm,
      exe: exe === DAMAGED ? undefined : exe,
      isDamaged,
    };
  }
}

/** Whether only `auid` was read. */
const hasNoneButAuid = ({ uid, gid, euid, suid, fsuid, egid, sgid, fsgid, tty, ses }: Identity): boolean =>
  (uid ?? gid ?? euid ?? suid ?? fsuid ?? egid ?? sgid ?? fsgid ?? tty ?? ses) === undefined;

const readIdentityField = (cursor: FieldCursor, identity: MutableIdentity): void => {
  switch (cursor.key) {
    case UID:
      identity.uid = decimal(cursor);
      break;
    case GID:
      identity.gid = decimal(cursor);
      break;
    case EUID:
      identity.euid = decimal(cursor);
      break;
    case SUID:
      identity.suid = decimal(cursor);
      break;
    case FSUID:
      identity.fsuid = decimal(cursor);
      break;
    case EGID:
      identity.egid = decimal(cursor);
      break;
    case SGID:
      identity.sgid = decimal(cursor);
      break;
    case FSGID:
      identity.fsgid = decimal(cursor);
      break;
    case TTY:
      identity.tty = plainText(cursor);
      break;
    case SES:
      identity.ses = decimal(cursor);
      break;
  }
};

/**
 * Whether the meaning of a text depends on what follows, because a quote in it may be closed later. The kernel writes
 * quotes only around strings.
 */
export const hasQuote = (bytes: Buffer, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if (bytes[at] === QUOTE || bytes[at] === APOSTROPHE) return true;
  return false;
};
