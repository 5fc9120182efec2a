import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WakeSignal } from '../../src/ingest/wake-signal.ts';
import { eventDescriptor, waitReadable } from '../../src/runtime/socket-calls.ts';
import { unless, whyNotLinux } from '../unless.ts';

const LONG_MS = 60_000;

/** Another thread, that does one thing with the bell and then says what it came to. */
const inThread = (shared: SharedArrayBuffer, code: string): Promise<unknown> => {
  const bell = new URL('../../src/ingest/wake-signal.ts', import.meta.url);
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(bell.href)}).then(({ WakeSignal }) => {
      const bell = new WakeSignal(workerData);
      parentPort.postMessage(${code});
    });`,
    { eval: true, workerData: shared },
  );
  onTestFinished(async () => {
    await worker.terminate();
  });
  return once(worker, 'message').then(([message]) => message);
};

describe('WakeSignal', () => {
  it('calls the other thread out of its pause', async () => {
    const bell = new WakeSignal();
    const heard = inThread(bell.shared, `(bell.pause(0, ${LONG_MS}), bell.rings)`);
    while (bell.ring() === undefined) await new Promise(resolve => setImmediate(resolve));
    expect(await heard).toBeGreaterThan(0);
  });

  it('is heard by a thread that only then comes to its pause', () => {
    const bell = new WakeSignal();
    bell.pause(0, 0);
    expect(bell.ring()).toBe(1);
    expect(bell.ring()).toBe(2);
    bell.pause(0, LONG_MS);
    bell.pause(1, LONG_MS);
    expect(bell.rings).toBe(2);
  });

  it('does not call a thread that has nothing at hand, or never had', () => {
    const bell = new WakeSignal();
    expect(bell.ring()).toBeUndefined();
    bell.pause(0, 0);
    expect(bell.rest(0, () => bell.ring() === undefined)).toBe(true);
    expect(bell.rings).toBe(0);
    expect(bell.ring()).toBe(1);
    bell.leave();
    expect(bell.ring()).toBeUndefined();
  });

  it('lets no thread rest that has not answered yet', () => {
    const bell = new WakeSignal();
    bell.pause(0, 0);
    expect(bell.ring()).toBe(1);
    const waits: boolean[] = [];
    expect(bell.rest(0, () => waits.push(true) > 0)).toBe(false);
    expect(waits).toEqual([]);
    expect(bell.rest(1, () => waits.push(true) > 0)).toBe(true);
  });

  it('calls a thread that waits for a descriptor, by another one', unless(whyNotLinux), () => {
    const descriptor = eventDescriptor();
    onTestFinished(() => closeSync(descriptor));
    const bell = new WakeSignal(undefined, descriptor);
    const isWritten = (): boolean => waitReadable(descriptor, 0);
    expect(bell.restAtHand(0, () => true)).toBe(true);
    const wait = (): boolean => {
      expect(bell.ring()).toBe(1);
      expect(isWritten()).toBe(true);
      return false;
    };
    expect(bell.restAtHand(0, wait)).toBe(false);
    // It was heard.
    expect(isWritten()).toBe(false);
    expect(bell.restAtHand(0, () => expect.fail('it was rung before'))).toBe(false);
    expect(bell.restAtHand(1, () => true)).toBe(true);
  });

  it('does not wait for a descriptor that there is none of', () => {
    expect(new WakeSignal().restAtHand(0, () => true)).toBe(false);
  });
});
