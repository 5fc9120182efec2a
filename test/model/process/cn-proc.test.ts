import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ignoreMessage, listenMessages, parseProcEvent } from '../../../src/model/process/cn-proc.ts';

/** Received from a 6.18 kernel. */
const recorded = {
  reply:
    '4c00000003000000000000000000000001000000010000000000000001000000280000000000000001000000e65bd85e93010000000000000000000000000000000000000000000000000000',
  threadExit:
    '4c0000000300000002000000000000000100000001000000020000000000000028000000000000800100000083fb039393010000e2320000e33200000000000011000000e1320000e1320000',
  exit: '4c0000000300000002000000000000000100000001000000020000000000000028000000000000800100000083fb039393010000e3320000e33200000000000011000000e1320000e1320000',
  exec: '4c0000000300000003000000000000000100000001000000030000000000000028000000020000000100 0000752e0d9393010000e1320000e132000000000000000000000000000000000000'.replace(
    ' ',
    '',
  ),
};

const parse = (hex: string) => {
  const bytes = Buffer.from(hex, 'hex');
  return parseProcEvent(bytes, 0, bytes.length);
};

const message = (what: number, data: readonly number[], timestampNs: bigint): Buffer => {
  const bytes = Buffer.alloc(36 + 40);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(3, 4);
  bytes.writeUInt32LE(1, 16);
  bytes.writeUInt32LE(1, 20);
  bytes.writeUInt16LE(40, 32);
  bytes.writeUInt32LE(what, 36);
  bytes.writeBigUInt64LE(timestampNs, 44);
  for (const [i, value] of data.entries()) bytes.writeInt32LE(value, 52 + 4 * i);
  return bytes;
};

describe('parseProcEvent', () => {
  it("reads the kernel's messages", () => {
    expect(parse(recorded.reply)).toEqual({ kind: 'reply', error: 0 });
    expect(parse(recorded.exit)).toEqual({
      kind: 'exit',
      pid: 0x32e3,
      monotonicMs: Number(0x0193_9303_fb83n) / 1e6,
    });
    expect(parse(recorded.threadExit)).toEqual({ kind: 'other' });
    expect(parse(recorded.exec)).toEqual({
      kind: 'exec',
      pid: 0x32e1,
      monotonicMs: Number(0x0193_930d_2e75n) / 1e6,
    });
  });

  it('tells new processes from new threads', () => {
    const process = message(1, [10, 9, 42, 42], 5_000_000n);
    expect(parseProcEvent(process, 0, process.length)).toEqual({
      kind: 'fork',
      pid: 42,
      parent: 9,
      monotonicMs: 5,
    });
    const thread = message(1, [10, 9, 43, 9], 5_000_000n);
    expect(parseProcEvent(thread, 0, thread.length)).toEqual({ kind: 'other' });
  });

  it('reads at any place of a larger buffer', () => {
    const bytes = Buffer.concat([Buffer.alloc(128, 0xff), message(1, [1, 1, 2, 2], 1_000_000n)]);
    expect(parseProcEvent(bytes, 128, bytes.length)).toMatchObject({ kind: 'fork', pid: 2 });
  });

  it('reads back any fork, with its time to a microsecond', () => {
    const pid = fc.integer({ min: 1, max: 4_194_304 });
    fc.assert(
      fc.property(pid, pid, fc.bigInt({ min: 0n, max: 2n ** 62n }), (child, parent, time) => {
        const bytes = message(1, [parent, parent, child, child], time);
        const event = parseProcEvent(bytes, 0, bytes.length);
        expect(event).toMatchObject({ kind: 'fork', pid: child, parent });
        if (event?.kind === 'fork')
          expect(Math.abs(event.monotonicMs * 1e6 - Number(time))).toBeLessThan(1e3);
      }),
    );
  });

  it('refuses what is cut off at any length, and messages of other connectors', () => {
    const whole = message(1, [1, 1, 2, 2], 1n);
    for (let length = 0; length < whole.length; length++) {
      expect(parseProcEvent(whole, 0, length)).toBeUndefined();
    }
    whole.writeUInt32LE(2, 16);
    expect(parseProcEvent(whole, 0, whole.length)).toBeUndefined();
  });

  it('does not read beyond what a message says it holds', () => {
    const short = message(1, [1, 1, 2, 2], 1n);
    short.writeUInt16LE(20, 32);
    expect(parseProcEvent(short, 0, short.length)).toBeUndefined();
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 128 }), bytes => {
        const buffer = Buffer.from(bytes);
        parseProcEvent(buffer, 0, buffer.length);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 76, maxLength: 76 }), bytes => {
        const buffer = Buffer.from(bytes);
        buffer.writeUInt32LE(1, 16);
        buffer.writeUInt32LE(1, 20);
        parseProcEvent(buffer, 0, buffer.length);
      }),
    );
  });
});

describe('subscriptions', () => {
  it('first ask in the way every kernel understands, then for forks, execs and exits only', () => {
    const [all, some] = listenMessages();
    expect(all!.toString('hex')).toBe(
      '28000000030000000000000000000000010000000100000000000000000000000400000001000000',
    );
    expect(some!.subarray(32).toString('hex')).toBe('080000000100000003000080');
    expect(ignoreMessage().readUInt32LE(36)).toBe(2);
  });
});
