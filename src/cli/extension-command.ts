import { dirname } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { FlagError, quoteText } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import type { ReplayTimes } from '../ingest/replay/replay-times.ts';
import { ownCommand } from '../runtime/own-command.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import { bridgeArguments } from './bridge-command.ts';
import type { Command } from './command.ts';
import { commonFlags, extensionFlags } from './command-flags.ts';
import { dropPrivileges } from './drop-privileges.ts';
import { ProgressLine } from './progress-line.ts';
import { replayTimes } from './replay-times.ts';

/**
 * The content of `--socket S --timeout N --interval N …`, by which osqueryd, osqueryi and our shell start the
 * extension.
 */
interface ExtensionArgs {
  /** Path of core's extension socket. */
  readonly socket: string;
  /** Seconds to wait for core's socket. */
  readonly timeout: number;
  /** Seconds between checks that core still lives. */
  readonly interval: number;
  readonly verbose: boolean;
  /** Files to take events from instead of the kernel; none: the kernel. */
  readonly replay: readonly string[];
  /** Time range of the events; undefined: all. */
  readonly times: ReplayTimes | undefined;
  /** Flags given by hand, by name, as canonical text. They win over core's `options()`. */
  readonly overrides: ReadonlyMap<string, string>;
}

export const extensionCommand: Command = {
  name: '',
  summary: 'serve the tables to a running osquery: how osqueryd starts it from its extensions.load',
  usage: '--socket PATH [--timeout N] [--interval N] [--verbose]',
  notes: [
    'As an extension it takes every audit_, events_ and custom_audit_ value from osquery, so that one osquery.flags is enough; a flag given here wins over it.',
  ],
  flags: extensionFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const args = extensionArgs(flags);
    process.umask(OWNER_ONLY);
    const warning = await dropPrivileges({
      isReplay: args.replay.length > 0,
      isExtension: true,
      // Its own socket is made beside core's.
      writes: [args.socket, dirname(args.socket)],
    });
    return runExtension(args, warning);
  },
};

const OWNER_ONLY = 0o077;

/** Longest path that fits into a sockaddr_un. The extension's own socket adds `.` and up to 20 digits. */
const MAX_SOCKET_PATH_BYTES = 107;

const extensionArgs = (flags: ParsedFlags): ExtensionArgs => {
  const { values } = flags;
  const [stray] = flags.positionals;
  if (stray !== undefined)
    throw new FlagError('usage', `unexpected argument ${quoteText(stray)} beside --socket`);
  const socket = values.get('socket') ?? values.get('extensions_socket');
  if (socket === undefined || socket === '')
    throw new FlagError('usage', "--socket: expected the path of osquery's extension socket");
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    throw new FlagError(
      'bad-value',
      `--socket: expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes, got ${Buffer.byteLength(socket)}`,
    );
  }
  const seconds = (name: string): number =>
    Number(values.get(name) ?? values.get(`extensions_${name}`) ?? '3');
  const own = new Set(extensionFlags.map(flag => flag.name));
  return {
    socket,
    timeout: seconds('timeout'),
    interval: seconds('interval'),
    verbose: values.get('verbose') === 'true',
    replay: flags.lists.get('replay') ?? [],
    times: replayTimes(flags),
    overrides: new Map([...values].filter(([name]) => !own.has(name))),
  };
};

/** Bytes of raw records that may wait for stdout's reader. */
const RAW_BACKLOG_BYTES = 16 * 1024 * 1024;

/**
 * Runs as osqueryd's extension until core or a signal ends it.
 *
 * @param warning to be logged as soon as core listens
 * @returns 0 if asked to stop; 1 if core was lost, so that a new core starts us again
 */
const runExtension = async (args: ExtensionArgs, warning: string | undefined): Promise<number> => {
  const { runEventExtension } = await import('../extension/event-extension.ts');
  const { HAND_OVER_SIGNAL } = await import('../extension/bridging.ts');
  const { OperatorLog } = await import('../extension/osquery/operator-log.ts');
  const { BESIDE_OTHERS, READS_RECORDED, settleMemory } = await import('../runtime/memory.ts');
  process.title = PROGRAM;
  const stop = new AbortController();
  const signals = ['SIGTERM', 'SIGHUP', HAND_OVER_SIGNAL] as const;
  for (const signal of signals) process.on(signal, () => stop.abort(signal));
  // While files are being read, Ctrl-C ends the reading and keeps what was read so far.
  const enough = new AbortController();
  let isReading = args.replay.length > 0;
  process.on('SIGINT', () => {
    if (isReading && !enough.signal.aborted) enough.abort();
    else stop.abort('SIGINT');
  });
  const progress = new ProgressLine(process.stderr);

  settleMemory(args.replay.length > 0 ? READS_RECORDED : BESIDE_OTHERS);
  const log = new OperatorLog(line => {
    progress.clear();
    process.stderr.write(line);
  });
  const isLive = args.replay.length === 0 && process.platform === 'linux';
  const end = await runEventExtension({
    loader: isLive ? (await import('../bpf/loader-process.ts')).takeLoader() : undefined,
    name: PROGRAM,
    version: packageJson.version,
    socket: args.socket,
    timeout: args.timeout,
    interval: args.interval,
    replay: args.replay,
    reading: {
      times: args.times,
      enough: enough.signal,
      // A second reading belongs to a query, which Ctrl-C ends.
      onProgress: (replay, events) =>
        progress.show(replay, events, isReading ? undefined : 'once more, for telemetry'),
      onRead: () => {
        isReading = false;
        progress.end();
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
      // Raw records are for debugging: if the reader is too slow, some are dropped rather than kept in memory.
      if (process.stdout.writableLength < RAW_BACKLOG_BYTES) process.stdout.write(text);
    },
    signal: stop.signal,
  });
  if (end.kind !== 'core-lost') return 0;
  log.warn(`osquery is gone (${end.error.message}); ending`);
  return 1;
};
