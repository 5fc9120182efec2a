import packageJson from '../../package.json' with { type: 'json' };
import { PROCESS_TITLE } from '../audit/control/stream-owner.ts';
import { HAND_OVER_SIGNAL } from '../extension/bridging.ts';
import { runEventExtension } from '../extension/event-extension.ts';
import { OperatorLog } from '../extension/osquery/operator-log.ts';
import { settleMemory } from '../runtime/memory.ts';
import { ownCommand } from '../runtime/own-command.ts';
import { bridgeArguments } from './bridge-command.ts';
import type { ExtensionArgs } from './extension-args.ts';

/** Bytes of raw records that may wait for their reader. */
const RAW_BACKLOG_BYTES = 16 * 1024 * 1024;

/**
 * Runs as osqueryd's extension until core or a signal ends it.
 *
 * @param warning something to tell as soon as core listens
 * @returns 0 when asked to stop, 1 when core was lost, so that a new core starts us again
 */
export const runExtensionCommand = async (
  args: ExtensionArgs,
  warning: string | undefined,
): Promise<number> => {
  process.title = PROCESS_TITLE;
  const stop = new AbortController();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', HAND_OVER_SIGNAL] as const;
  for (const signal of signals) process.on(signal, () => stop.abort(signal));

  settleMemory();
  const log = new OperatorLog(line => process.stderr.write(line));
  const end = await runEventExtension({
    name: PROCESS_TITLE,
    version: packageJson.version,
    socket: args.socket,
    timeout: args.timeout,
    interval: args.interval,
    replay: args.replay,
    overrides: args.overrides,
    log,
    ...(warning !== undefined && { warning }),
    bridgeKeeper: (fd, patienceMs) => {
      const { path, args } = ownCommand();
      return { path, args: [...args, ...bridgeArguments(fd, patienceMs)] };
    },
    onRaw: text => {
      // Raw records are for looking at: a reader that does not keep up loses some, not us our memory.
      if (process.stdout.writableLength < RAW_BACKLOG_BYTES) process.stdout.write(text);
    },
    signal: stop.signal,
  });
  if (end.kind !== 'core-lost') return 0;
  log.warn(`osquery is gone (${end.error.message}); ending`);
  return 1;
};
