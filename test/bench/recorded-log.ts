import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordText } from './records.ts';

/** Bytes gathered before they are written. */
const WRITE_BYTES = 1 << 20;
/** 2026-01-01T00:00:00Z. */
const FIRST_SECOND = 1_767_225_600;

/** A log of `count` events, for --replay: buffers can be filled without the kernel's audit, and times be chosen. */
export class RecordedLog implements Disposable {
  readonly path: string;
  /** Seconds since the epoch of the last event. */
  readonly lastSecond: number;
  readonly #directory: string;
  readonly #perSecond: number;

  /**
   * @param perSecond how many events share one second
   * @param recordsOf what is recorded of an event
   */
  constructor(
    count: number,
    perSecond: number,
    recordsOf: (index: number, second: number) => readonly RecordText[],
  ) {
    this.#directory = mkdtempSync(join(tmpdir(), 'bench-'));
    this.path = join(this.#directory, 'events.log');
    this.#perSecond = perSecond;
    this.lastSecond = this.secondOf(count - 1);
    const file = openSync(this.path, 'w');
    let text = '';
    for (let i = 0; i < count; i++) {
      for (const { type, payload } of recordsOf(i, FIRST_SECOND + Math.floor(i / perSecond))) {
        text += `${type} ${payload}\n`;
      }
      if (text.length >= WRITE_BYTES) {
        writeSync(file, text);
        text = '';
      }
    }
    writeSync(file, text);
    closeSync(file);
  }

  /** Seconds since the epoch of an event. */
  secondOf(index: number): number {
    return FIRST_SECOND + Math.floor(index / this.#perSecond);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
