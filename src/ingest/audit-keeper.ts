import { constants } from 'node:os';
import type { AuditControl } from '../audit/control/control.ts';
import type { AuditSession } from '../audit/control/session.ts';
import { describeProcess, otherOwner, type StreamOwner } from '../audit/control/stream-owner.ts';
import { messageOf } from '../runtime/message-of.ts';
import { BackOff } from './back-off.ts';
import type { Ingest } from './ingest.ts';

const { EEXIST } = constants.errno;

/** Milliseconds between two checks of who owns the stream. */
const LOOK_MS = 2_000;
/**
 * Milliseconds between two checks of the rules if no record reported a change: such records can be excluded or lost.
 */
const CHECK_MS = 30_000;
/**
 * Milliseconds that changes by others may take: loading a file of rules deletes all rules, then adds one after the
 * other.
 */
const SETTLE_MS = 250;
/** Milliseconds between two lines about processes that want the stream. */
const WANTED_MS = 60_000;
const MINUTE_MS = 60_000;

export interface KeeperOptions {
  readonly control: Pick<AuditControl, 'getStatus'>;
  readonly session: Pick<AuditSession, 'mode' | 'owner' | 'setMode' | 'check'>;
  readonly ingest: Pick<Ingest, 'claim' | 'share'>;
  /** Whether to take the unicast stream; otherwise the multicast copy was asked for. */
  readonly wantsStream: boolean;
  /** `audit_persist`: whether to claim a stream again that another process took. */
  readonly persist: () => boolean;
  /** `custom_audit_grace_ms`: milliseconds that a stream without an owner is left to its previous owner. */
  readonly graceMs: () => number;
  /** Reports a problem. */
  readonly warn: (message: string) => void;
  /** Reports that a problem is over. */
  readonly tell: (message: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * Keeps our part of kernel audit in place while others change it. While another process has the stream, the multicast
 * copy is read; when the stream is free, it is claimed again. Rules and settings are restored. If that does not last,
 * it is retried after ever longer pauses.
 */
export class AuditKeeper {
  readonly #options: KeeperOptions;
  readonly #now: () => number;
  readonly #regain = new BackOff({ firstMs: 1_000, mostMs: 10 * MINUTE_MS, calmMs: 10 * MINUTE_MS });
  readonly #repair = new BackOff({ firstMs: 1_000, mostMs: MINUTE_MS, calmMs: 10 * MINUTE_MS });
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #last: Promise<void> = Promise.resolve();
  /** The other process that has the stream, or had it last. */
  #owner: StreamOwner | undefined;
  #freeSince: number | undefined;
  /** When to claim a stream again that was ours and that a living process took; undefined if it was never ours. */
  #askAt: number | undefined;
  #checkAt: number;
  #checkNotBefore = Number.NEGATIVE_INFINITY;
  #toldWantedAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#checkAt = this.#now() + CHECK_MS;
    this.#owner = options.session.owner;
  }

  start(): void {
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = this.#now();
    const pause = Math.min(LOOK_MS, Math.max(0, this.#checkAt - now));
    this.#timer = setTimeout(() => {
      this.look().then(
        () => this.#schedule(),
        error => {
          // The kernel may grant next time what it refused now.
          this.#options.warn(messageOf(error));
          this.#schedule();
        },
      );
    }, pause);
    this.#timer.unref();
  }

  /** A record reported a change, perhaps one of ours. */
  configChanged(): void {
    this.#checkAt = Math.min(this.#checkAt, Math.max(this.#now() + SETTLE_MS, this.#checkNotBefore));
    if (this.#timer !== undefined) this.#schedule();
  }

  /** Another process asked for the stream while it was ours, and was refused. */
  wanted(pid: number): Promise<void> {
    return this.#step(async () => {
      const { session, ingest, persist, warn } = this.#options;
      if (session.mode !== 'unicast') return;
      const name = describeProcess(pid)?.name;
      const who = name === undefined ? `pid ${pid}` : `pid ${pid} (${name})`;
      if (!persist()) {
        await ingest.share({ release: true });
        await session.setMode('multicast');
        this.#freeSince = this.#now();
        warn(
          `${who} has asked for the audit socket and can have it now (audit_persist=false): reading the multicast copy`,
        );
        return;
      }
      if (this.#now() - this.#toldWantedAt < WANTED_MS) return;
      this.#toldWantedAt = this.#now();
      warn(
        `${who} has asked for the audit socket and was refused, because it is ours: prevent that process from starting, or let both have the events with custom_audit_mode=multicast or --audit_persist=false`,
      );
    });
  }

  /** Does everything that is due, once. */
  look(): Promise<void> {
    return this.#step(async () => {
      await this.#lookAtOwner();
      if (this.#now() >= this.#checkAt) await this.#check();
    });
  }

  /** One step at a time, because each acts on what it has seen. */
  #step(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(() => (this.#closed ? undefined : step()));
    this.#last = done.catch(() => {});
    return done;
  }

  async #lookAtOwner(): Promise<void> {
    const { control, session, wantsStream } = this.#options;
    const { pid } = await control.getStatus();
    const now = this.#now();
    if (session.mode === 'unicast') {
      if (pid !== process.pid) await this.#lose(pid, now);
      return;
    }
    if (!wantsStream) return;
    const owner = otherOwner(pid);
    if (owner !== undefined) {
      this.#owner = owner;
      this.#freeSince = undefined;
      if (this.#askAt === undefined || !this.#options.persist() || now < this.#askAt) return;
    } else {
      this.#freeSince ??= this.#owner === undefined ? Number.NEGATIVE_INFINITY : now;
      if (now - this.#freeSince < this.#options.graceMs() || now < (this.#askAt ?? now)) return;
    }
    await this.#claim(now);
  }

  async #lose(pid: number, now: number): Promise<void> {
    const { session, ingest, persist, warn } = this.#options;
    const owner = otherOwner(pid);
    this.#owner = owner;
    await ingest.share({ release: false });
    await session.setMode('multicast');
    const pause = this.#regain.next(now);
    this.#askAt = now + pause;
    this.#freeSince = owner === undefined ? Number.NEGATIVE_INFINITY : undefined;
    const again =
      owner === undefined || persist()
        ? `claiming it again in ${Math.round(pause / 1000)} s`
        : `it is taken back when ${owner.name} ends (audit_persist=false)`;
    warn(
      `${owner === undefined ? 'the audit socket was taken away' : `pid ${owner.pid} (${owner.name}) has taken the audit socket`}: reading the multicast copy; ${again}`,
    );
  }

  async #claim(now: number): Promise<void> {
    const { session, ingest, tell } = this.#options;
    const errno = await ingest.claim();
    if (errno === 0) {
      await session.setMode('unicast');
      tell(
        this.#askAt !== undefined
          ? 'the audit socket is ours again'
          : `${this.#owner === undefined ? 'nobody has the audit socket' : `pid ${this.#owner.pid} (${this.#owner.name}) has given up the audit socket`}: it is ours now`,
      );
      this.#freeSince = undefined;
      return;
    }
    if (errno !== EEXIST) throw new Error(`the kernel refused the audit socket (errno ${errno})`);
    this.#askAt = now + this.#regain.next(now);
  }

  async #check(): Promise<void> {
    const { session, warn } = this.#options;
    this.#checkAt = this.#now() + CHECK_MS;
    const changes = await session.check();
    for (const change of changes) warn(change);
    if (changes.length > 0) this.#checkNotBefore = this.#now() + this.#repair.next(this.#now());
  }

  /** Resolves when no step is running. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#last;
  }
}
