import { type AuditStream, BATCH, type OnDatagram } from '../audit/stream.ts';

/** Milliseconds between two looks at the world when nothing arrives. */
const IDLE_MS = 200;
/** Milliseconds that the first records after a silence may gather: a lone event is seen at once, and whole. */
const FIRST_MS = 2;
/**
 * Milliseconds that records may gather while they keep coming. Waking up, and handing rows to another thread, costs
 * more than many events do.
 */
const GATHER_MS = 40;
/** Milliseconds for those that come so close together that most of what they name cannot be looked up anyway. */
const CLOSE_GATHER_MS = 80;
/** Records per millisecond from which on they do. */
const CLOSE = 12;
/** Batches taken before everything else has its turn. */
const BATCHES_IN_A_ROW = 64;

export interface ReceiveLoopOptions {
  readonly stream: Pick<AuditStream, 'receive' | 'wait'>;
  readonly onDatagram: OnDatagram;
  /** After each batch, while its bytes are still there. */
  readonly onBatch: () => void;
  /** After some batches, and every so often without one. Returns whether to go on. */
  readonly onTurn: () => boolean;
  /** Holds up the thread. */
  readonly pause: (milliseconds: number) => void;
}

/**
 * Receives until `onTurn` says that it is enough. Holds up its thread and lets no other work of its event loop run: the
 * way through an event loop, a thread pool and back costs more than all that is done with the few records that come
 * at a time.
 */
export const receiveLoop = ({ stream, onDatagram, onBatch, onTurn, pause }: ReceiveLoopOptions): void => {
  let paused = 0;
  for (;;) {
    let records = 0;
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
    // What came while others were taken says nothing of how close they come.
    if (records === 0) paused = FIRST_MS;
    else paused = records > CLOSE * paused && paused >= GATHER_MS ? CLOSE_GATHER_MS : GATHER_MS;
    pause(paused);
  }
};
