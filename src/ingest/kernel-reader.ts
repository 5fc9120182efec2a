import { constants } from 'node:os';
import {
  AUDIT_CONFIG_CHANGE,
  AUDIT_FIRST_USER_MSG,
  AUDIT_LOGIN,
  AUDIT_REPLACE,
  NLMSG_ERROR,
} from '../audit/constants.ts';
import { AuditError, errnoName } from '../audit/errors.ts';
import { AuditStream, BATCH, claimAnswer, type OnDatagram, type StreamCounters } from '../audit/stream.ts';
import { printable } from '../audit/value.ts';
import type { openSocketEnds } from '../model/sockets/open-socket-ends.ts';
import { waitEither } from '../runtime/socket-calls.ts';
import type { EventPipeline } from './event-pipeline.ts';
import type { ImageLooks } from './image-looks.ts';
import type { IngestReport, IngestSource } from './ingest-messages.ts';
import type { Outbox } from './outbox.ts';
import { type Prompt, receiveLoop } from './receive-loop.ts';
import { RepeatedRecords } from './repeated-records.ts';
import type { UnauditedWitness } from './unaudited-witness.ts';
import type { WakeSignal } from './wake-signal.ts';

/** Bytes of rows that are passed on at once, without waiting for more. */
const POST_BYTES = 256 * 1024;
/** Milliseconds for the kernel's answer to the request for the stream. */
const CLAIM_MS = 3_000;
const COUNTERS_MS = 1_000;
/** Milliseconds after a change of owner during which records may come twice. */
const HANDOVER_MS = 5_000;
/**
 * Least milliseconds to read an inherited socket: in this time the kernel delivers what did not fit while it was
 * full. Later records also come in the multicast copy.
 */
const INHERIT_MS = 200;
/** Milliseconds for events in progress to be completed when the stream is left. */
const WHOLE_MS = 2_500;
/** Milliseconds after which a socket that never becomes empty is left nevertheless. */
const ENDLESS_MS = 10_000;
const DRAIN_WAIT_MS = 5;
/** Milliseconds to wait for looks before other work has its turn; usually they take one. */
const LOOK_MS = 5;
/** Milliseconds for the process that looks to start, before the kernel is read. */
const LOOKER_START_MS = 3_000;
/** Milliseconds to wait for looks at the end. */
const LAST_LOOKS_MS = 300;

const { ETIMEDOUT } = constants.errno;

export interface KernelReaderOptions {
  readonly kernel: Extract<IngestSource, { kind: 'kernel' }>;
  readonly pipeline: EventPipeline;
  readonly looks: ImageLooks;
  /** undefined if the ends of sockets are not looked up. */
  readonly ends: ReturnType<typeof openSocketEnds> | undefined;
  /** Tells about processes that audit cannot see. */
  readonly unaudited: Pick<UnauditedWitness, 'drain'> | undefined;
  readonly outbox: Outbox;
  readonly wakeSignal: WakeSignal;
  /** Whether the wake signal works while this thread waits for the socket. */
  readonly hasDescriptor: boolean;
  readonly report: (message: IngestReport) => void;
  /** Whether somebody wants raw records. */
  readonly isDebug: () => boolean;
  readonly addRaw: (line: string) => void;
  readonly postRaw: () => void;
  readonly postRows: () => void;
  readonly postCounters: (stream: Readonly<StreamCounters>) => void;
  readonly lookAtClock: () => void;
  /** Takes messages of the main thread, because no event loop runs here. */
  readonly takeCommands: () => void;
  readonly isStopped: () => boolean;
  /** Whether another instance continues to read: then the socket is read to its end. */
  readonly leaves: () => boolean;
}

/** Reads kernel audit until it is stopped; blocks its thread. */
export class KernelReader {
  readonly #options: KernelReaderOptions;
  readonly #pipeline: EventPipeline;
  readonly #looks: ImageLooks;
  readonly #stream: AuditStream;
  /** A request for the stream: the kernel's answer, 0 or a positive errno, and the deadline for it. */
  #claim: { errno?: number; readonly before: number } | undefined;
  /** Set while the stream changes its owner. */
  #repeated: RepeatedRecords | undefined;
  #repeatedUntil = Number.POSITIVE_INFINITY;
  #configChanged = false;
  #wantedBy = 0;
  #isReady = false;
  #countersAt = 0;
  /** Number of wake signals before the records of this turn were taken. */
  #seen = 0;
  /** Number of wake signals that were answered. */
  #answered = 0;

  /** @throws AuditError if the socket cannot be opened */
  constructor(options: KernelReaderOptions) {
    const { mode, receiveBuffer, inheritedFd } = options.kernel;
    this.#options = options;
    this.#pipeline = options.pipeline;
    this.#looks = options.looks;
    // Until the inherited socket is closed, no other process can own the stream; the multicast copy misses nothing in
    // the meantime.
    this.#stream = AuditStream.open(inheritedFd === undefined ? mode : 'multicast', receiveBuffer);
  }

  /** Asks the kernel for the stream; the answer is reported. */
  claim(): void {
    this.#changeHands();
    this.#ask();
  }

  /**
   * Switches to the multicast copy.
   *
   * @param release whether to give up the stream
   */
  share(release: boolean): void {
    this.#changeHands();
    this.#stream.join();
    if (release) this.#stream.own(0);
    this.#options.report({ kind: 'shared' });
  }

  /** @throws AuditError if the kernel refuses the stream, or reading breaks off */
  run(): void {
    const { kernel, ends, wakeSignal, lookAtClock, takeCommands } = this.#options;
    try {
      lookAtClock();
      // The messages include the process that looks at files for this thread.
      takeCommands();
      this.#looks.awaitReady(LOOKER_START_MS);
      if (kernel.inheritedFd !== undefined) this.#inherit(kernel.inheritedFd);
      if (kernel.mode === 'unicast') this.#ask();
      receiveLoop({
        stream: this.#restful(),
        onDatagram: this.#onDatagram,
        onBatch: () => this.#onBatch(),
        onTurn: () => this.#onTurn(),
        pause: milliseconds => {
          wakeSignal.pause(this.#answered, milliseconds);
          this.#seen = wakeSignal.signals;
        },
        prompt: this.#prompt(),
      });
      this.#finish();
      ends?.close();
    } finally {
      wakeSignal.leave();
      this.#stream.close();
    }
  }

  #finish(): void {
    const { leaves, postRaw, postRows, postCounters } = this.#options;
    if (leaves()) this.#drain(this.#stream, 0);
    // Records that have come since.
    else while (this.#stream.receive(this.#onDatagram) === BATCH) this.#onBatch();
    for (let waited = 0; this.#looks.isWaiting && waited < LAST_LOOKS_MS; waited += LOOK_MS) {
      this.#settleLooks(LOOK_MS);
    }
    this.#pipeline.flush();
    postRaw();
    postRows();
    postCounters(this.#stream.counters);
    this.#looks.close();
  }

  #ask(): void {
    this.#claim = { before: performance.now() + CLAIM_MS };
    this.#stream.own(process.pid);
  }

  #changeHands(): void {
    this.#repeated = new RepeatedRecords(serial => this.#pipeline.isFinished(serial));
    this.#repeatedUntil = performance.now() + HANDOVER_MS;
  }

  /** Reads a previous instance's socket to its end. */
  #inherit(fd: number): void {
    const before = AuditStream.inherit(fd);
    try {
      this.#drain(before, INHERIT_MS);
    } finally {
      before.close();
    }
    this.#changeHands();
  }

  readonly #onDatagram: OnDatagram = (type, bytes, start, end) => {
    if ((type >= AUDIT_FIRST_USER_MSG || type === AUDIT_LOGIN) && type !== AUDIT_REPLACE) {
      if (this.#options.isDebug()) this.#options.addRaw(`${type} ${printable(bytes, start, end)}`);
      if (this.#repeated?.isRepeated(type, bytes, start, end)) return;
      if (type === AUDIT_CONFIG_CHANGE) this.#configChanged = true;
      this.#pipeline.push(type, bytes, start, end);
    } else if (type === NLMSG_ERROR) {
      const errno = claimAnswer(bytes, start, end);
      if (errno === undefined || this.#claim === undefined) return;
      this.#claim.errno ??= errno;
      if (errno === 0) this.#stream.leave();
    } else if (type === AUDIT_REPLACE && end - start >= 4) {
      this.#wantedBy = bytes.readUInt32LE(start);
    }
  };

  #onBatch(): void {
    this.#pipeline.settle();
    this.#settleLooks(0);
    if (this.#pipeline.byteCount >= POST_BYTES) this.#options.postRows();
  }

  /** Sends new looks, and makes rows of finished ones. */
  #settleLooks(waitMs: number): void {
    this.#looks.send();
    this.#looks.settle(waitMs);
    this.#pipeline.publishLooked();
  }

  /** Reads on until nothing waits, and no event in progress can be completed. */
  #drain(from: AuditStream, leastMs: number): void {
    const start = performance.now();
    for (;;) {
      const received = from.receive(this.#onDatagram);
      this.#onBatch();
      const elapsed = performance.now() - start;
      if (received === BATCH && elapsed < ENDLESS_MS) continue;
      if (elapsed >= leastMs && (!this.#pipeline.expectsMore || elapsed >= leastMs + WHOLE_MS)) return;
      from.wait(DRAIN_WAIT_MS);
    }
  }

  /** Runs between two batches. @returns whether to continue */
  #onTurn(): boolean {
    const {
      ends,
      unaudited,
      wakeSignal,
      report,
      postRaw,
      postRows,
      postCounters,
      lookAtClock,
      takeCommands,
      isStopped,
    } = this.#options;
    // First of all: a connection can end in less time than one look at a file takes.
    ends?.look();
    unaudited?.drain();
    this.#settleLooks(LOOK_MS);
    ends?.look();
    const now = performance.now();
    postRaw();
    postRows();
    // Events that wait for a look were received before the signal, so they belong to the answer.
    if (this.#seen !== this.#answered && !this.#looks.isWaiting) {
      if (wakeSignal.takeAsked()) postCounters(this.#stream.counters);
      report({ kind: 'up-to-date', signal: this.#seen });
      this.#answered = this.#seen;
    }
    lookAtClock();
    if (this.#awaitsAnswer(now) && !this.#isReady) return true;
    if (!this.#isReady) report({ kind: 'ready', fd: this.#stream.fd });
    this.#isReady = true;
    this.#reportChanges(now);
    takeCommands();
    this.#seen = wakeSignal.signals;
    return !isStopped();
  }

  /** Returns whether the kernel's answer is still missing. */
  #awaitsAnswer(now: number): boolean {
    if (this.#claim === undefined) return false;
    if (this.#claim.errno === undefined && now < this.#claim.before) return true;
    const { errno } = this.#claim;
    this.#claim = undefined;
    if (this.#isReady) this.#options.report({ kind: 'claimed', errno: errno ?? ETIMEDOUT });
    else if (errno !== 0) throw claimError(errno);
    return false;
  }

  #reportChanges(now: number): void {
    const { report, postCounters } = this.#options;
    if (now >= this.#repeatedUntil) this.#repeated = undefined;
    if (this.#configChanged) report({ kind: 'config-changed' });
    this.#configChanged = false;
    // Our own requests are among them.
    if (this.#wantedBy !== 0 && this.#wantedBy !== process.pid) {
      report({ kind: 'wanted', pid: this.#wantedBy });
    }
    this.#wantedBy = 0;
    if (now >= this.#countersAt) {
      postCounters(this.#stream.counters);
      this.#countersAt = now + COUNTERS_MS;
    }
  }

  /** The stream, which is not read while the other thread has enough to do. */
  #restful(): Pick<AuditStream, 'receive' | 'wait'> {
    const { ends, wakeSignal, outbox } = this.#options;
    const stream = this.#stream;
    return {
      // What is not taken waits in the kernel, as far as there is room.
      receive: each => (outbox.isFull ? 0 : stream.receive(each)),
      wait: milliseconds => {
        const most = this.#looks.isWaiting ? LOOK_MS : Math.min(milliseconds, ends?.waitMs ?? milliseconds);
        const ms = Math.ceil(most);
        return wakeSignal.rest(this.#answered, descriptor =>
          descriptor === undefined ? stream.wait(ms) : waitEither(stream.fd, descriptor, ms),
        );
      },
    };
  }

  #prompt(): Prompt | undefined {
    const { ends, wakeSignal, hasDescriptor } = this.#options;
    return (
      ends && {
        isOn: () => ends.isPrompt && hasDescriptor,
        isWhole: () => this.#pipeline.hasAllRecords,
        look: () => {
          this.#settleLooks(0);
          ends.look();
        },
        wait: milliseconds => {
          const has = wakeSignal.restAtHand(this.#answered, descriptor =>
            waitEither(this.#stream.fd, descriptor, Math.min(milliseconds, ends.waitMs ?? milliseconds)),
          );
          this.#seen = wakeSignal.signals;
          return has;
        },
      }
    );
  }
}

const claimError = (errno: number | undefined): AuditError => {
  if (errno === undefined) {
    return new AuditError('no-reply', 'the kernel did not answer the request for the audit stream');
  }
  const name = errnoName(errno);
  if (name === 'EEXIST') {
    return new AuditError('owned', 'another process has taken the audit stream in the meantime', { errno });
  }
  return new AuditError(
    'no-permission',
    `the kernel refused the audit stream: ${name}: this needs CAP_AUDIT_CONTROL`,
    { errno },
  );
};
