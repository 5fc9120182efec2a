import { fstatSync } from 'node:fs';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError } from '../flags/flag-error.ts';
import type { Command } from './command.ts';

const FD_FLAG = 'fd';
const PATIENCE_FLAG = 'patience_ms';

/** Name (comm) of this process. It differs from an instance's name, because others search for instances by it. */
const TITLE = 'audit-bridge';

const bridgeFlags: readonly FlagDefinition[] = [
  {
    name: FD_FLAG,
    type: 'uint32',
    defaultValue: '',
    group: 'command',
    valueName: 'N',
    help: 'Descriptor of the audit socket',
  },
  {
    name: PATIENCE_FLAG,
    type: 'uint32',
    defaultValue: '10000',
    group: 'command',
    valueName: 'MS',
    help: 'Milliseconds to wait for the next instance',
  },
];

/** The arguments that make this program keep a bridge. */
export const bridgeArguments = (fd: number, patienceMs: number): readonly string[] => [
  bridgeCommand.name,
  `--${FD_FLAG}=${fd}`,
  `--${PATIENCE_FLAG}=${patienceMs}`,
];

export const bridgeCommand: Command = {
  name: 'bridge',
  summary: 'hold the audit socket of an instance that has ended; instances start this themselves',
  usage: 'bridge --fd N [--patience_ms MS]',
  notes: [
    'An instance that is killed leaves this process behind for a few seconds: the kernel keeps queueing records, and the next instance takes them over. If none starts, this process puts audit back as it was found.',
  ],
  flags: bridgeFlags,
  flagGroups: [],
  isInternal: true,
  run: async ({ values }) => {
    const fd = Number(values.get(FD_FLAG) || Number.NaN);
    if (!isSocket(fd))
      throw new FlagError('usage', 'bridge: --fd names no socket; instances start this themselves');
    process.title = TITLE;
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => stop.abort(signal));
    const { keepBridge } = await import('../doctor/repair/keep-bridge.ts');
    const results = await keepBridge({
      fd,
      patienceMs: Number(values.get(PATIENCE_FLAG)),
      signal: stop.signal,
    });
    return results.every(({ status }) => status === 'ok') ? 0 : 1;
  },
};

const isSocket = (fd: number): boolean => {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
};
