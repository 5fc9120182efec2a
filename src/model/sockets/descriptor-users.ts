import { keyOf } from './descriptor-key.ts';
import type { SocketQuestion } from './socket-question.ts';

/**
 * Milliseconds that findings are held back: in this time the records of calls made before the look arrive. The kernel
 * delivers them as each call returns, by a thread of its own, which may have to wait for a CPU.
 */
export const HOLD_MS = 100;
/** Most milliseconds until it is certain. */
const MOST_HOLD_MS = 300;

/** A question, and the result of its look. */
export interface Asked<Found> {
  readonly eid: number;
  readonly question: SocketQuestion;
  /** Inode of the socket behind the descriptor at the look; undefined before the look, or if it was no socket. */
  inode: number | undefined;
  /** Time of the look, by the monotonic clock; undefined before it. */
  lookedAt: number | undefined;
  /** A time since the epoch, in whole milliseconds, that had not come yet at the look. */
  lookedWallMs: number;
  /** What to report; undefined while nothing was found. */
  found: Found | undefined;
  /** Whether it is certain only if nobody else used the descriptor. */
  isDoubtful: boolean;
  /** `open` until it is certain whether the finding belongs to the question. */
  fate: 'open' | 'sure' | 'unknown';
  /** The next call that used the same descriptor. */
  next: Asked<Found> | undefined;
}

/**
 * Tracks which calls used which descriptor, one after the other.
 *
 * A look comes after its call, and shows the socket behind the descriptor at that moment: the call's, or a later
 * one's if the first was closed and the descriptor reused. A finding is not reported in these cases:
 * - another call with the descriptor came before the look: then the earlier call is not looked up at all;
 * - another call may have begun before the look, by audit's clock, so that its connection may have been there. Then
 *   the first is certain only if the second one's own look showed another socket, and is certain itself: sockets of a
 *   descriptor do not come back, so the first look's socket was the first call's;
 * - a socket with another remote address than was asked for is reported only if no other call used the descriptor in
 *   the meantime.
 *
 * Sockets that get a descriptor without an audited call (dup2, SCM_RIGHTS, io_uring, a call that another program's
 * rule keeps from being recorded) are distinguished only by their other end.
 */
export class DescriptorUsers<Found> {
  readonly #last = new Map<number, Asked<Found>>();

  /** @returns the previous question, if it has become void */
  add(asked: Asked<Found>): Asked<Found> | undefined {
    const key = keyOf(asked.question);
    const before = this.#last.get(key);
    this.#last.set(key, asked);
    if (before === undefined) return undefined;
    before.next = asked;
    return before.lookedAt === undefined ? before : undefined;
  }

  /**
   * A call with the descriptor that needs no look: what is found for the previous call may be this one's.
   *
   * @returns the previous question, if it has become void
   */
  overtake(question: SocketQuestion): Asked<Found> | undefined {
    const before = this.#last.get(keyOf(question));
    if (before === undefined || before.fate !== 'open') return undefined;
    if (before.lookedAt === undefined) return before;
    if (question.stampMs < before.lookedWallMs) before.fate = 'unknown';
    return undefined;
  }

  /** Whether the finding belongs to the question, as far as can be determined by now. */
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
    // A socket that is bound first and then connected is one socket.
    if (isSame && question.action === 'bind') return 'sure';
    if (next.question.stampMs >= lookedWallMs) return 'sure';
    if (isSame) return 'unknown';
    if (now >= lookedAt! + MOST_HOLD_MS) return 'unknown';
    if (next.lookedAt === undefined) return next.fate === 'unknown' ? 'unknown' : 'open';
    return next.inode === undefined ? 'unknown' : this.judge(next, now);
  }

  /** Ends a question. */
  forget(asked: Asked<Found>): void {
    const key = keyOf(asked.question);
    if (this.#last.get(key) === asked) this.#last.delete(key);
  }
}
