import { type AuditStream, BATCH, type OnDatagram } from '../audit/stream.ts';

/** Milliseconds between two turns of other work when nothing arrives. */
const IDLE_MS = 200;
/** Milliseconds that the first records after a pause may gather: a single event is then seen at once, and whole. */
const FIRST_MS = 2;
/**
 * Milliseconds that records may gather while they keep coming. Waking up, and passing rows to another thread, costs
 * more than many events do.
 */
const GATHER_MS = 40;
/**
 * Milliseconds to gather when records come so fast that most of their files and sockets cannot be looked up in time
 * anyway.
 */
const CLOSE_GATHER_MS = 80;
/** Records per millisecond from which on they count as that fast. */
const CLOSE = 12;
/** Most batches before everything else has its turn. */
const BATCHES_IN_A_ROW = 64;

/** Milliseconds within which the records of one event follow each other: the kernel delivers each separately. */
const WHOLE_MS = 0.1;

/** Work for events as they come, while their rows gather. */
export interface Prompt {
  /** Whether there are events that need it, and few enough. */
  readonly isOn: () => boolean;
  /** Whether all events in progress have all of their records. */
  readonly isWhole: () => boolean;
  readonly look: () => void;
  /** Waits for records. Returns false if the time has passed, or other work wants its turn. */
  readonly wait: (milliseconds: number) => boolean;
}

export interface ReceiveLoopOptions {
  readonly stream: Pick<AuditStream, 'receive' | 'wait'>;
  readonly onDatagram: OnDatagram;
  /** Called after each batch, while its bytes are still valid. */
  readonly onBatch: () => void;
  /** Called after some batches, and regularly without any. Returns whether to continue. */
  readonly onTurn: () => boolean;
  /** Blocks the thread. */
  readonly pause: (milliseconds: number) => void;
  readonly prompt?: Prompt | undefined;
}

/**
 * Receives until `onTurn` returns false. It blocks its thread and runs no other work of its event loop: a round trip
 * through an event loop and a thread pool costs more than all the work on the few records that come at a time.
 */
export const receiveLoop = (options: ReceiveLoopOptions): void => {
  const { stream, onDatagram, onBatch, onTurn, pause, prompt } = options;
  let paused = 0;
  let gathered = 0;
  for (;;) {
    let records = gathered;
    gathered = 0;
    let received = BATCH;
    for (let i = 0; received === BATCH && i < BATCHES_IN_A_ROW; i++) {
      received = stream.receive(onDatagram);
      records += received;
      onBatch();
    }
    if (!onTurn()) return;
    if (received === BATCH) {
      paused = 0;
      continue;
    }
    if (records === 0 && !stream.wait(IDLE_MS)) continue;
    // Records that arrived while others were processed say nothing about the rate.
    if (records === 0) paused = FIRST_MS;
    else paused = records > CLOSE * paused && paused >= GATHER_MS ? CLOSE_GATHER_MS : GATHER_MS;
    if (prompt === undefined) pause(paused);
    else gathered = gather(options, prompt, paused, records === 0);
  }
};

/**
 * Lets records gather. The first event after a pause is handled as soon as it is whole; so are all others while there
 * are few.
 *
 * @param isFirst whether there is one already
 * @returns how many were received
 */
const gather = (
  { stream, onDatagram, onBatch, pause }: ReceiveLoopOptions,
  prompt: Prompt,
  milliseconds: number,
  isFirst: boolean,
): number => {
  const until = performance.now() + milliseconds;
  const receive = (): number => {
    const received = stream.receive(onDatagram);
    onBatch();
    return received;
  };
  const take = (): number => {
    let received = receive();
    if (received > 0 && received < BATCH && !prompt.isWhole()) {
      pause(WHOLE_MS);
      received += receive();
    }
    prompt.look();
    return received;
  };
  let records = isFirst ? take() : 0;
  while (prompt.isOn()) {
    const left = until - performance.now();
    if (left <= 0 || !prompt.wait(Math.ceil(left))) return records;
    const received = take();
    records += received;
    if (received >= BATCH) return records;
    // The outbox is full for now.
    if (received === 0) break;
  }
  const left = until - performance.now();
  if (left > 0) pause(left);
  return records;
};
