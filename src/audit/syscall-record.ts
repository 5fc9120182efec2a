import { damage } from './damage.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { isNoSyscall, type SyscallName, socketcallName, syscallName } from './syscalls.ts';
import { DAMAGED, decimal, hexWord, plainText, readPath, readText, type TextReading } from './value.ts';

/** What a SYSCALL record says of a system call that makes events. */
export interface SyscallRecord {
  readonly arch: number;
  readonly name: SyscallName;
  readonly success: boolean;
  readonly exit: number;
  /** Low 32 bits of the first argument, unsigned, and of the next ones. */
  readonly a0: number;
  readonly a1: number | undefined;
  readonly a2: number | undefined;
  readonly a3: number | undefined;
  /** PATH records the event should have. */
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
  /** Its architecture, or its number there, is not known here. */
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

const cursor = new FieldCursor();

/** Longest SYSCALL record that is remembered. */
const KNOWN_BYTES = 512;
/** The text of `known`. */
const knownText = new KnownBytes(KNOWN_BYTES);
/**
 * The last record. A process that makes many calls writes the same text, or at least the same actor. Only for calls without
 * files: no two executions write the same.
 */
let known:
  | {
      readonly reading: SyscallReading;
      readonly interests: ReadonlySet<SyscallName>;
      readonly actor: Actor;
      /** Where the actor begins in the text. */
      readonly actorAt: number;
    }
  | undefined;

/** Who made the call: what a SYSCALL record says from `ppid`, or `pid`, to `exe`. */
type Actor = Pick<
  SyscallRecord,
  'ppid' | 'suid' | 'fsuid' | 'sgid' | 'fsgid' | 'tty' | 'ses' | 'comm' | 'exe'
> & {
  readonly [Key in 'pid' | 'auid' | 'uid' | 'gid' | 'euid' | 'egid']: number | undefined;
} & {
  /** Whether damage is proved of a text; what stands before it is whole. */
  readonly isDamaged: boolean;
};

/**
 * Reads a SYSCALL record; stops at once when the call is none of `interests`. A text that is damaged is left out, and counted.
 * Source of the field order: audit_log_exit and audit_log_task_info in kernel/auditsc.c and kernel/audit.c.
 */
export const readSyscall = (record: AuditRecord, interests: ReadonlySet<SyscallName>): SyscallReading => {
  const { bytes, start, end } = record;
  if (known?.interests === interests && knownText.matches(bytes, start, end)) return known.reading;
  let arch: number | undefined;
  let name: string | undefined;
  let success: boolean | undefined;
  let exit: number | undefined;
  let a0: number | undefined;
  let a1: number | undefined;
  let a2: number | undefined;
  let a3: number | undefined;
  let items: number | undefined;
  let actor: Actor | undefined;
  let actorAt = 0;

  cursor.reset(bytes, start, end);
  while (actor === undefined && cursor.next()) {
    switch (cursor.key) {
      case ARCH:
        arch ??= hexWord(cursor);
        break;
      case SYSCALL: {
        const number = decimal(cursor);
        if (arch === undefined || number === undefined) return MALFORMED;
        name = syscallName(arch, number);
        if (name === undefined) return isNoSyscall(number) ? OTHER : { kind: 'unknown', arch, number };
        if (name !== 'socketcall' && !interests.has(name as SyscallName)) return OTHER;
        break;
      }
      case SUCCESS:
        // Left out altogether when the kernel could not tell, as for a task that died in the call.
        success = bytes[cursor.valueStart] === LETTER_Y;
        if (!success && bytes[cursor.valueStart] !== LETTER_N) return MALFORMED;
        break;
      case EXIT:
        exit = decimal(cursor);
        break;
      case A0:
        a0 = hexWord(cursor);
        if (name === 'socketcall') {
          name = a0 === undefined ? undefined : socketcallName(a0);
          if (name === undefined || !interests.has(name as SyscallName)) return OTHER;
        }
        break;
      case A1:
        a1 = hexWord(cursor);
        break;
      case A2:
        a2 = hexWord(cursor);
        break;
      case A3:
        a3 = hexWord(cursor);
        break;
      case ITEMS:
        items = decimal(cursor);
        break;
      case PPID:
      // Where the oldest kernels begin.
      case PID:
        actorAt = cursor.keyStart - start;
        actor =
          known !== undefined && knownText.matches(bytes, start + actorAt, end, known.actorAt)
            ? known.actor
            : readActor(bytes, start + actorAt, end);
        break;
    }
  }
  if (arch === undefined || name === undefined || a0 === undefined || actor === undefined) return MALFORMED;
  const { pid, auid, uid, gid, euid, egid } = actor;
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
  const reading: SyscallReading = {
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
      suid: actor.suid,
      fsuid: actor.fsuid,
      egid,
      sgid: actor.sgid,
      fsgid: actor.fsgid,
      tty: actor.tty,
      ses: actor.ses,
      comm: actor.comm,
      exe: actor.exe,
    },
  };
  if (actor.isDamaged) damage.records++;
  else if (items === 0)
    known = knownText.keep(bytes, start, end) ? { reading, interests, actor, actorAt } : undefined;
  return reading;
};

/** What an actor's text says from `auid` to `ses`. */
type Identity = Omit<Actor, 'ppid' | 'pid' | 'comm' | 'exe' | 'isDamaged'>;

/** Longest identity that is remembered. */
const KNOWN_IDENTITY_BYTES = 256;
/** The text of `knownIdentity`, up to `comm`. */
const knownIdentityText = new KnownBytes(KNOWN_IDENTITY_BYTES);
/** The one read last: the processes of a service, or of a shell, have it in common. */
let knownIdentity: Identity | undefined;

const readActor = (bytes: Buffer, start: number, end: number): Actor => {
  let ppid: number | undefined;
  let pid: number | undefined;
  let auid: number | undefined;
  let uid: number | undefined;
  let gid: number | undefined;
  let euid: number | undefined;
  let suid: number | undefined;
  let fsuid: number | undefined;
  let egid: number | undefined;
  let sgid: number | undefined;
  let fsgid: number | undefined;
  let tty: string | undefined;
  let ses: number | undefined;
  let comm: TextReading;
  let exe: TextReading;
  let hasExe = false;
  /** Where an identity begins; -1 if part of it was read before. */
  let identityAt = -1;
  cursor.reset(bytes, start, end);
  // Behind `exe` come the security context and the rule's key, which nobody asks for.
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
        const other = uid ?? gid ?? euid ?? suid ?? fsuid ?? egid ?? sgid ?? fsgid ?? tty ?? ses;
        const knownEnd = other === undefined ? knownIdentityText.endAt(bytes, cursor.keyStart, end) : -1;
        if (knownEnd >= 0) {
          ({ auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid, tty, ses } = knownIdentity!);
          cursor.reset(bytes, knownEnd, end);
        } else {
          identityAt = other === undefined ? cursor.keyStart : -1;
          auid = decimal(cursor);
        }
        break;
      }
      case UID:
        uid = decimal(cursor);
        break;
      case GID:
        gid = decimal(cursor);
        break;
      case EUID:
        euid = decimal(cursor);
        break;
      case SUID:
        suid = decimal(cursor);
        break;
      case FSUID:
        fsuid = decimal(cursor);
        break;
      case EGID:
        egid = decimal(cursor);
        break;
      case SGID:
        sgid = decimal(cursor);
        break;
      case FSGID:
        fsgid = decimal(cursor);
        break;
      case TTY:
        tty = plainText(cursor);
        break;
      case SES:
        ses = decimal(cursor);
        break;
      case COMM:
        if (identityAt >= 0 && !hasQuote(bytes, identityAt, cursor.keyStart)) {
          knownIdentityText.keep(bytes, identityAt, cursor.keyStart);
          knownIdentity = { auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid, tty, ses };
        }
        identityAt = -1;
        comm = readText(cursor);
        break;
      case EXE:
        hasExe = true;
        exe = readPath(cursor);
        break;
    }
  }
  // A value in hex that nothing follows may go on: the kernel writes more behind it.
  if (exe !== undefined && !cursor.quoted && cursor.isAtEnd) exe = DAMAGED;
  const isDamaged = comm === DAMAGED || exe === DAMAGED;
  return {
    ppid,
    // Cut off before `exe`, which the kernel writes in every record: no number in it can be trusted.
    pid: hasExe || isDamaged ? pid : undefined,
    auid,
    uid,
    gid,
    euid,
    suid,
    fsuid,
    egid,
    sgid,
    fsgid,
    tty,
    ses,
    comm: comm === DAMAGED ? undefined : comm,
    exe: exe === DAMAGED ? undefined : exe,
    isDamaged,
  };
};

/** Whether what a text means depends on what follows: a quote may be closed there. The kernel writes none but around strings. */
export const hasQuote = (bytes: Buffer, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if (bytes[at] === QUOTE || bytes[at] === APOSTROPHE) return true;
  return false;
};
