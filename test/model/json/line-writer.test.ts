import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LineWriter } from '../../../src/model/json/line-writer.ts';
import { openOutput } from '../../../src/model/json/open-output.ts';
import { makeFifo } from '../../make-fifo.ts';

/** A reader that takes a line when the test says so. */
class SlowReader extends Writable {
  readonly taken: string[] = [];
  #next: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.taken.push(chunk);
    this.#next = done;
  }

  take(): void {
    const next = this.#next;
    this.#next = undefined;
    next?.();
  }
}

const tick = () => new Promise(resolve => setImmediate(resolve));

describe('LineWriter', () => {
  it('writes lines in order', async () => {
    const stream = new PassThrough();
    const written: string[] = [];
    stream.on('data', data => written.push(`${data}`));
    const writer = new LineWriter(stream);
    writer.write('a\n');
    writer.write('b\n');
    await writer.end();
    expect(written.join('')).toBe('a\nb\n');
    expect(writer.counters).toEqual({ written: 2, dropped: 0, tooLate: 0 });
  });

  it('leaves out whole lines when the reader is slow, and counts them', async () => {
    const reader = new SlowReader();
    const writer = new LineWriter(reader, 13);
    for (const line of ['first\n', 'second\n', 'third\n', 'more\n']) writer.write(line);
    expect(writer.counters).toEqual({ written: 2, dropped: 2, tooLate: 0 });
    await tick();
    for (let i = 0; i < 4; i++) {
      reader.take();
      await tick();
    }
    writer.write('later\n');
    await tick();
    expect(reader.taken).toEqual(['first\n', 'second\n', 'later\n']);
  });

  it('writes a line longer than its queue when nothing waits', async () => {
    const reader = new SlowReader();
    const writer = new LineWriter(reader, 4);
    writer.write('a long line\n');
    await tick();
    expect(reader.taken).toEqual(['a long line\n']);
  });

  it('tells those who can wait when there is room', async () => {
    const reader = new SlowReader();
    const writer = new LineWriter(reader, 12);
    expect(writer.room()).toBeUndefined();
    writer.write('seven!\n');
    let hasRoom = false;
    const room = writer.room()?.then(() => {
      hasRoom = true;
    });
    await tick();
    expect(hasRoom).toBe(false);
    reader.take();
    await room;
    expect(writer.room()).toBeUndefined();
  });

  it('closes without an error when the reader has gone, with one when the disk is full', async () => {
    for (const [code, expected] of [
      ['EPIPE', undefined],
      ['ENOSPC', 'no more'],
    ] as const) {
      const stream = new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error('no more'), { code })),
      });
      const writer = new LineWriter(stream);
      writer.write('a\n');
      await writer.closed;
      expect(writer.error?.message).toBe(expected);
      writer.write('b\n');
      expect(writer.counters).toMatchObject({ dropped: 0, tooLate: 1 });
      expect(writer.room()).toBeUndefined();
      await writer.end();
    }
  });

  it('does not wait for ever for a reader that has stopped', async () => {
    const writer = new LineWriter(new SlowReader());
    writer.write('a\n');
    writer.write('b\n');
    await writer.end(20);
    writer.write('c\n');
    expect(writer.counters).toMatchObject({ dropped: 0, tooLate: 1 });
  });
});

describe('openOutput', () => {
  it('writes to a pipe that nobody reads without waiting', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pipe-'));
    makeFifo(join(directory, 'pipe'));
    const reader = openSync(join(directory, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
    const pipe = openSync(join(directory, 'pipe'), constants.O_WRONLY);
    try {
      const writer = new LineWriter(openOutput(pipe), 1_000_000);
      const line = `${'x'.repeat(999)}\n`;
      // The pipe holds 64 KiB; a write that waited would never come back.
      for (let i = 0; i < 1500; i++) writer.write(line);
      await tick();
      expect(writer.counters.dropped).toBeGreaterThan(400);
      const kept = writer.counters.written * 1000;
      let received = 0;
      const buffer = Buffer.alloc(65_536);
      while (received < kept) {
        try {
          received += readSync(reader, buffer, 0, buffer.length, null);
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
        }
        await tick();
      }
      expect(received).toBe(kept);
      closeSync(reader);
      writer.write(line);
      await writer.closed;
      expect(writer.error).toBeUndefined();
    } finally {
      closeSync(pipe);
      rmSync(directory, { recursive: true });
    }
  });

  it('ends well when the reader of standard output goes away', async () => {
    const script = `
      import { LineWriter } from ${JSON.stringify(new URL('../../../src/model/json/line-writer.ts', import.meta.url).href)};
      import { openOutput } from ${JSON.stringify(new URL('../../../src/model/json/open-output.ts', import.meta.url).href)};
      const writer = new LineWriter(openOutput());
      const timer = setInterval(() => writer.write('line\\n'), 1);
      await writer.closed;
      clearInterval(timer);
      process.stderr.write('closed, error: ' + writer.error);
    `;
    const child = spawn(
      '/bin/sh',
      ['-c', '"$0" --input-type=module-typescript -e "$1" | head -n 2', process.execPath, script],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const output: string[] = [];
    child.stdout.on('data', data => output.push(`${data}`));
    child.stderr.on('data', data => output.push(`${data}`));
    await once(child, 'close');
    expect(output.join('')).toBe('line\nline\nclosed, error: undefined');
  });
});
