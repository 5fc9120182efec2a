import type { SocketQuestion } from './socket-question.ts';

/**
 * Milliseconds for which what was found is held back: in that time the records come of calls that were made before the look. The
 * kernel hands them over as each call returns, by a thread of its own, which may have to wait for a CPU.
 */
export const HOLD_MS = 100;
/** Milliseconds for it to be sure. */
const MOST_HOLD_MS = 300;

/** A question, and what its look came to. */
export interface Asked<Found> {
  readonly eid: number;
  readonly question: SocketQuestion;
  /** Of the socket that the descriptor was at the look; undefined before it, or if it was none. */
  inode: number | undefined;
  /** When it was looked at, by the monotonic clock; undefined before that. */
  lookedAt: number | undefined;
  /** A time since the epoch, in whole milliseconds, that was not yet when it was looked at. */
  lookedWallMs: number;
  /** What is to be told; undefined while nothing was found. */
  found: Found | undefined;
  /** Whether it is sure only if nobody else used the descriptor. */
  isDoubtful: boolean;
  /** `open` until it is certain whether what was found is its own. */
  fate: 'open' | 'sure' | 'unknown';
  /** The call after it that used the same descriptor. */
  next: Asked<Found> | undefined;
}

/** A pid has less than 2^22, a descriptor less than 2^30 (NR_OPEN). */
const DESCRIPTORS = 2 ** 30;

/**
 * Who used which descriptor, one after the other.
 *
 * A look comes after the call that it is for, and shows the socket that the descriptor is by then: that of the call, or of one
 * that came after it, if the first was closed and the descriptor used again. What it is not told for:
 * - another call by the descriptor has come before the look: the one before it is not looked for at all;
 * - another call may have begun before the look, by audit's clock, so that its connection may have been there. Then the first is
 *   sure only if the second one's own look showed another socket, and is sure itself: descriptors go forward, so that the first
 *   look's socket was the first call's;
 * - a socket with another remote address than was asked for is told only if no other call used the descriptor meanwhile.
 *
 * Sockets that come to a descriptor without a call that is audited (dup2, SCM_RIGHTS, io_uring, a call that a rule of others
 * keeps from being recorded) are told apart by their other end alone.
 */
export class DescriptorUsers<Found> {
  readonly #last = new Map<number, Asked<Found>>();

  /** @returns the question before it, if that has become void */
  add(asked: Asked<Found>): Asked<Found> | undefined {
    const key = keyOf(asked.question);
    const before = this.#last.get(key);
    this.#last.set(key, asked);
    if (before === undefined) return undefined;
    before.next = asked;
    return before.lookedAt === undefined ? before : undefined;
  }

  /** Whether what was found is the question's own, as far as can be told by now. */
  judge(asked: Asked<Found>, now: number): Asked<Found>['fate'] {
    if (asked.fate !== 'open') return asked.fate;
    if (asked.lookedAt === undefined || now < asked.lookedAt + HOLD_MS) return 'open';
    asked.fate = this.#fateOf(asked, now);
    return asked.fate;
  }

  #fateOf(asked: Asked<Found>, now: number): Asked<Found>['fate'] {
    const { question, inode, lookedAt, lookedWallMs, next } = asked;
    if (next === undefined) return 'sure';
    if (asked.isDoubtful) return 'unknown';
    const isSame = next.inode === inode;
    // What is bound first and then connected is one socket.
    if (isSame && question.action === 'bind') return 'sure';
    if (next.question.stampMs >= lookedWallMs) return 'sure';
    if (isSame) return 'unknown';
    if (now >= lookedAt! + MOST_HOLD_MS) return 'unknown';
    if (next.lookedAt === undefined) return next.fate === 'unknown' ? 'unknown' : 'open';
    return next.inode === undefined ? 'unknown' : this.judge(next, now);
  }

  /** It is over with a question. */
  forget(asked: Asked<Found>): void {
    const key = keyOf(asked.question);
    if (this.#last.get(key) === asked) this.#last.delete(key);
  }
}

const keyOf = ({ pid, fd }: SocketQuestion): number => pid * DESCRIPTORS + fd;
