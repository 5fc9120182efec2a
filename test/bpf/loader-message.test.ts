import { closeSync, fstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { decodeResult, encodeResult, type LoadResult } from '../../src/bpf/loader-message.ts';
import { receiveDescriptors, sendDescriptors } from '../../src/runtime/pass-descriptors.ts';
import { close, socketPair } from '../../src/runtime/socket-calls.ts';
import { unless, whyNotLinux } from '../unless.ts';

const result: LoadResult = {
  loaded: [
    { name: 'sockets', variant: 'fexit', ringBytes: 4096, ringFd: 10, lossesFd: 11, linkFds: [12, 13, 14] },
    { name: 'processes', variant: 'tp_btf', ringBytes: 8192, ringFd: 20, lossesFd: 21, linkFds: [] },
  ],
  refused: [{ name: 'others', why: 'the kernel does not permit it' }],
  unauditedTasks: 30,
};

test('a result becomes a text and descriptors, and again a result', () => {
  const { text, descriptors } = encodeResult(result);
  expect(descriptors).toEqual([10, 11, 12, 13, 14, 20, 21, 30]);
  expect(decodeResult(text, descriptors)).toEqual(result);
  expect(() => decodeResult(text, descriptors.slice(1))).toThrow(/descriptors/);
  const without = { ...result, unauditedTasks: undefined };
  const sent = encodeResult(without);
  expect(sent.descriptors).toHaveLength(7);
  expect(decodeResult(sent.text, sent.descriptors)).toEqual(without);
});

test('descriptors pass a socket with their text, and are the same files', unless(whyNotLinux), () => {
  const [one, other] = socketPair();
  const sent = openSync('/dev/null', 'r');
  try {
    expect(receiveDescriptors(other)).toBe(constants.errno.EAGAIN);
    expect(sendDescriptors(one, 'three', [sent, sent, sent])).toBe(0);
    expect(sendDescriptors(one, 'none', [])).toBe(0);
    const received = receiveDescriptors(other);
    if (typeof received === 'number') throw new Error(`errno ${received}`);
    expect(received.text).toBe('three');
    expect(received.descriptors).toHaveLength(3);
    for (const fd of received.descriptors) {
      expect(fstatSync(fd).rdev).toBe(fstatSync(sent).rdev);
      close(fd);
    }
    expect(receiveDescriptors(other)).toEqual({ text: 'none', descriptors: [] });
    close(one);
    expect(receiveDescriptors(other)).toEqual({ text: '', descriptors: [] });
  } finally {
    closeSync(sent);
    close(other);
  }
});
