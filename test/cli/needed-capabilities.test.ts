import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LIVE_CAPABILITIES, neededCapabilities } from '../../src/cli/needed-capabilities.ts';
import { unless, whyNotRoot } from '../unless.ts';

const live = Object.keys(LIVE_CAPABILITIES);

/** A directory of our own, and the path of a socket in it. */
const place = (): { readonly directory: string; readonly socket: string } => {
  const directory = mkdtempSync(join(tmpdir(), 'needed-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return { directory, socket: join(directory, 'core.em') };
};

test('beside a core of our own: what the kernel asks for its events', () => {
  const { socket } = place();
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual(live);
  writeFileSync(socket, '', { mode: 0o600 });
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual(live);
});

test('recorded events take no part of the kernel', () => {
  const { socket } = place();
  expect(neededCapabilities({ isReplay: true, writes: [socket, dirname(socket)] })).toEqual([
    'CAP_DAC_READ_SEARCH',
  ]);
});

test('under an osqueryd they take a look at its threads', () => {
  const { socket } = place();
  const needs = { isReplay: true, isExtension: true, writes: [socket, dirname(socket)] };
  expect(neededCapabilities(needs)).toEqual(['CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE']);
});

test('what its owner may not write to takes the right to all files', () => {
  const { socket } = place();
  writeFileSync(socket, '');
  chmodSync(socket, 0o477);
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual([
    ...live,
    'CAP_DAC_OVERRIDE',
  ]);
});

test("so does another user's directory, and another user's core", unless(whyNotRoot), () => {
  const { directory, socket } = place();
  chownSync(directory, 65534, 65534);
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual([
    ...live,
    'CAP_DAC_OVERRIDE',
  ]);
  chownSync(directory, 0, 0);
  writeFileSync(socket, '');
  chownSync(socket, 65534, 65534);
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual([
    ...live,
    'CAP_DAC_OVERRIDE',
  ]);
});

test('a core that is not there yet will be our own', () => {
  const socket = join(place().directory, 'missing', 'core.em');
  expect(neededCapabilities({ isReplay: false, writes: [socket, dirname(socket)] })).toEqual(live);
});
