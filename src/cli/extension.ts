import packageJson from '../../package.json' with { type: 'json' };
import { PROCESS_TITLE } from '../audit/control/stream-owner.ts';
import { HAND_OVER_SIGNAL } from '../extension/bridging.ts';
import { runEventExtension } from '../extension/event-extension.ts';
import { OperatorLog } from '../extension/osquery/operator-log.ts';
import { settleMemory } from '../runtime/memory.ts';
import { ownCommand } from '../runtime/own-command.ts';
import { bridgeArguments } from './bridge-command.ts';
import type { ExtensionArgs } from './extension-args.ts';
import { ProgressLine } from './progress-line.ts';

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
  const signals = ['SIGTERM', 'SIGHUP', HAND_OVER_SIGNAL] as const;
  for (const signal of signals) process.on(signal, () => stop.abort(signal));
  // While files are read, Ctrl-C is for what was read up to there.
  const enough = new AbortController();
  let isReading = args.replay.length > 0;
  process.on('SIGINT', () => {
    if (isReading && !enough.signal.aborted) enough.abort();
    else stop.abort('SIGINT');
  });
  const progress = new ProgressLine(process.stderr);

  settleMemory();
  const log = new OperatorLog(line => {
    progress.clear();
    process.stderr.write(line);
  });
  const end = await runEventExtension({
    name: PROCESS_TITLE,
    version: packageJson.version,
    socket: args.socket,
    timeout: args.timeout,
    interval: args.interval,
    replay: args.replay,
    reading: {
      times: args.times,
      enough: enough.signal,
      onProgress: (replay, events) => progress.show(replay, events),
      onRead: () => {
        isReading = false;
        progress.clear();
      },
    },
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
