import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WakeSignal } from '../../src/ingest/wake-signal.ts';
import { close, eventDescriptor, waitReadable } from '../../src/runtime/socket-calls.ts';
import { unless, whyNotLinux } from '../unless.ts';

const LONG_MS = 60_000;

/** Another thread, that does one thing with the wakeSignal and then says what it came to. */
const inThread = (shared: SharedArrayBuffer, code: string): Promise<unknown> => {
  const wakeSignal = new URL('../../src/ingest/wake-signal.ts', import.meta.url);
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(wakeSignal.href)}).then(({ WakeSignal }) => {
      const wakeSignal = new WakeSignal(workerData);
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
    const wakeSignal = new WakeSignal();
    const seen = inThread(wakeSignal.shared, `(wakeSignal.pause(0, ${LONG_MS}), wakeSignal.signals)`);
    while (wakeSignal.send() === undefined) await new Promise(resolve => setImmediate(resolve));
    expect(await seen).toBeGreaterThan(0);
  });

  it('is seen by a thread that only then comes to its pause', () => {
    const wakeSignal = new WakeSignal();
    wakeSignal.pause(0, 0);
    expect(wakeSignal.send()).toBe(1);
    expect(wakeSignal.send()).toBe(2);
    wakeSignal.pause(0, LONG_MS);
    wakeSignal.pause(1, LONG_MS);
    expect(wakeSignal.signals).toBe(2);
  });

  it('does not call a thread that has nothing at hand, or never had', () => {
    const wakeSignal = new WakeSignal();
    expect(wakeSignal.send()).toBeUndefined();
    wakeSignal.pause(0, 0);
    expect(wakeSignal.rest(0, () => wakeSignal.send() === undefined)).toBe(true);
    expect(wakeSignal.signals).toBe(0);
    expect(wakeSignal.send()).toBe(1);
    wakeSignal.leave();
    expect(wakeSignal.send()).toBeUndefined();
  });

  it('lets no thread rest that has not answered yet', () => {
    const wakeSignal = new WakeSignal();
    wakeSignal.pause(0, 0);
    expect(wakeSignal.send()).toBe(1);
    const waits: boolean[] = [];
    expect(wakeSignal.rest(0, () => waits.push(true) > 0)).toBe(false);
    expect(waits).toEqual([]);
    expect(wakeSignal.rest(1, () => waits.push(true) > 0)).toBe(true);
  });

  it('calls a thread that waits for a descriptor, by another one', unless(whyNotLinux), () => {
    const descriptor = eventDescriptor();
    onTestFinished(() => void close(descriptor));
    const wakeSignal = new WakeSignal(undefined, descriptor);
    const isWritten = (): boolean => waitReadable(descriptor, 0);
    expect(wakeSignal.restAtHand(0, () => true)).toBe(true);
    const wait = (): boolean => {
      expect(wakeSignal.send()).toBe(1);
      expect(isWritten()).toBe(true);
      return false;
    };
    expect(wakeSignal.restAtHand(0, wait)).toBe(false);
    // It was seen.
    expect(isWritten()).toBe(false);
    expect(wakeSignal.restAtHand(0, () => expect.fail('it was signalled before'))).toBe(false);
    expect(wakeSignal.restAtHand(1, () => true)).toBe(true);
  });

  it('calls a thread that rests, if its counters are wanted', unless(whyNotLinux), () => {
    const descriptor = eventDescriptor();
    onTestFinished(() => void close(descriptor));
    const wakeSignal = new WakeSignal(undefined, descriptor);
    const isWritten = (): boolean => waitReadable(descriptor, 0);
    const wait = (): boolean => {
      expect(wakeSignal.send()).toBeUndefined();
      expect(isWritten()).toBe(false);
      expect(wakeSignal.askForCounters()).toBe(1);
      expect(isWritten()).toBe(true);
      return false;
    };
    expect(wakeSignal.rest(0, wait)).toBe(false);
    expect(isWritten()).toBe(false);
    expect(wakeSignal.rest(0, () => expect.fail('it was signalled before'))).toBe(false);
    expect([wakeSignal.takeAsked(), wakeSignal.takeAsked()]).toEqual([true, false]);
    expect(wakeSignal.rest(1, () => true)).toBe(true);
  });

  it('is not called again and again by what was written too late to be seen', unless(whyNotLinux), () => {
    const descriptor = eventDescriptor();
    onTestFinished(() => void close(descriptor));
    const wakeSignal = new WakeSignal(undefined, descriptor);
    writeSync(descriptor, new BigUint64Array([1n]));
    const waits: boolean[] = [];
    const wait = (other: number | undefined): boolean => {
      waits.push(waitReadable(other!, 0));
      return false;
    };
    wakeSignal.rest(0, wait);
    wakeSignal.rest(0, wait);
    expect(waits).toEqual([true, false]);
  });

  it('does not wait for a descriptor that there is none of', () => {
    expect(new WakeSignal().restAtHand(0, () => true)).toBe(false);
  });
});
