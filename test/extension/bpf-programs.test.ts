import { closeSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { LoadResult } from '../../src/bpf/loader-message.ts';
import type { LoaderProcess } from '../../src/bpf/loader-process.ts';
import { BpfPrograms } from '../../src/extension/bpf-programs.ts';

const open = (): number => openSync('/dev/null', 'r');
const isOpen = (fd: number): boolean => {
  try {
    closeSync(fd);
    return true;
  } catch {
    return false;
  }
};

const setOf = (name: string, variant: string) => ({
  name,
  variant,
  ringBytes: 4096,
  ringFd: open(),
  lossesFd: open(),
  linkFds: [open()],
});

/** A loader that answers with this, or fails. */
const loaderOf = (result: Partial<LoadResult> | Error) => {
  const state = { isClosed: false };
  const loader: Pick<LoaderProcess, 'load' | 'close'> = {
    load: async () => {
      if (result instanceof Error) throw result;
      return { loaded: [], refused: [], unauditedTasks: undefined, ...result };
    },
    close: () => {
      state.isClosed = true;
    },
  };
  const programs = new BpfPrograms(loader as LoaderProcess);
  onTestFinished(() => programs.close());
  return { programs, state };
};

test('one reason for all is told once', async () => {
  const { programs } = loaderOf({
    refused: [
      { name: 'sockets', why: 'no permission' },
      { name: 'processes', why: 'no permission' },
    ],
  });
  expect(await programs.load('auto')).toEqual([
    'BPF programs are not used, events come from audit alone: no permission',
  ]);
});

test('sets are used, or refused, each by itself', async () => {
  const { programs } = loaderOf({
    loaded: [setOf('sockets', 'tp_btf')],
    refused: [
      { name: 'processes', why: 'too old' },
      { name: 'unaudited execs', why: 'too old' },
    ],
  });
  expect(programs.state('sockets')).toBe('off: not loaded yet');
  expect(await programs.load('auto')).toEqual([
    'the BPF programs for processes are not used: too old',
    'the BPF programs for unaudited execs are not used: too old',
  ]);
  expect(programs.sockets).toMatchObject({ name: 'sockets' });
  expect(programs.processes).toBeUndefined();
  expect(programs.unauditedExecs).toBeUndefined();
  expect([programs.state('sockets'), programs.state('processes')]).toEqual(['tp_btf', 'off: too old']);
  // Not loaded again.
  expect(await programs.load('auto')).toEqual([]);
});

test('a set that nobody reads is unloaded, without a word', async () => {
  const processes = setOf('processes', 'tracepoints');
  const sockets = setOf('sockets', 'fexit');
  const { programs } = loaderOf({ loaded: [sockets, processes] });
  await programs.load('auto');
  programs.leave('processes', 'telemetry is off');
  programs.leave('missing', 'it is not there');
  expect(programs.processes).toBeUndefined();
  expect(programs.state('processes')).toBe('off: telemetry is off');
  expect([processes.ringFd, processes.lossesFd, ...processes.linkFds].some(isOpen)).toBe(false);
  expect(programs.state('sockets')).toBe('fexit');
});

test('the tasks that audit cannot see are read once, and their descriptor closed', async () => {
  const unauditedTasks = openSync('/dev/null', 'r');
  const { programs } = loaderOf({ unauditedTasks });
  expect(programs.unaudited).toBeUndefined();
  await programs.load('auto');
  expect(programs.unaudited).toEqual([]);
  expect(isOpen(unauditedTasks)).toBe(false);
});

test('switched off: nothing is loaded, and the loader ends', async () => {
  const { programs, state } = loaderOf({ loaded: [] });
  expect(await programs.load('off')).toEqual([]);
  expect(state.isClosed).toBe(true);
  expect(programs.state('processes')).toBe('off: custom_audit_bpf=off');
  expect(programs.unaudited).toBeUndefined();
});

test('a loader that fails is told of', async () => {
  const { programs } = loaderOf(new Error('it has ended without a word'));
  expect(await programs.load('auto')).toEqual([expect.stringContaining('without a word')]);
  expect(programs.state('sockets')).toBe('off: it has ended without a word');
});
