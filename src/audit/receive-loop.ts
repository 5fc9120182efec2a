import { type AuditStream, BATCH, type OnDatagram } from './stream.ts';

/** Milliseconds between two looks at the world when nothing arrives. */
const IDLE_MS = 200;
/** Milliseconds that the first records after a silence may gather: a lone event is seen at once, and whole. */
const FIRST_MS = 2;
/**
 * Milliseconds that records may gather while they keep coming. Waking up, and handing rows to another thread, costs
 * more than an event does, so what arrives is taken fifty times a second.
 */
const GATHER_MS = 40;
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
  for (;;) {
    let some = false;
    let received = BATCH;
    for (let i = 0; received === BATCH && i < BATCHES_IN_A_ROW; i++) {
      received = stream.receive(onDatagram);
      some ||= received > 0;
      onBatch();
    }
    if (!onTurn()) return;
    if (received === BATCH) continue;
    if (some) pause(GATHER_MS);
    else if (stream.wait(IDLE_MS)) pause(FIRST_MS);
  }
};

/** A pause that takes no CPU. Not for a thread that has an event loop to run. */
export const createPause = (): ((milliseconds: number) => void) => {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return milliseconds => {
    Atomics.wait(never, 0, 0, milliseconds);
  };
};
