import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectRecords } from './records.ts';

/** Bytes gathered before they are written. */
const WRITE_BYTES = 1 << 20;
/** 2026-01-01T00:00:00Z. */
const FIRST_SECOND = 1_767_225_600;

/** A log of `count` connects, for --replay: buffers can be filled without the kernel's audit, and times be chosen. */
export class RecordedConnects implements Disposable {
  readonly path: string;
  /** Seconds since the epoch of the last event. */
  readonly lastSecond: number;
  readonly #directory: string;

  /** @param perSecond how many events share one second */
  constructor(count: number, perSecond: number) {
    this.#directory = mkdtempSync(join(tmpdir(), 'bench-'));
    this.path = join(this.#directory, 'connects.log');
    this.lastSecond = FIRST_SECOND + Math.floor((count - 1) / perSecond);
    const file = openSync(this.path, 'w');
    let text = '';
    for (let i = 0; i < count; i++) {
      for (const { type, payload } of connectRecords(i, FIRST_SECOND + Math.floor(i / perSecond))) {
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

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
