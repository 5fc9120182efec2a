import { constants } from 'node:os';
import { messageOf } from './errors.ts';
import { type ExtensionArgs, parseExtensionArgs } from './extension-args.ts';
import { type ExtensionEnd, type RunExtensionOptions, runExtension } from './run-extension.ts';
import { removeDeadSockets } from './server/dead-sockets.ts';

/** Where osqueryd listens, unless `--extensions_socket` says otherwise. */
export const DEFAULT_SOCKET = '/var/osquery/osquery.em';

/** The definition of an extension's program, without the values from its arguments. */
export interface MainOptions
  extends Omit<RunExtensionOptions, 'socket' | 'signal' | 'timeout' | 'interval' | 'onLost'> {
  /** Arguments, without the program. Default: `process.argv.slice(2)`. */
  readonly argv?: readonly string[];
}

/** Exit statuses of the program. */
const OK = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * The whole program of an extension: reads the arguments that osquery gives it (`--socket`, `--timeout`,
 * `--interval`, `--verbose`), runs, stops on SIGTERM, SIGINT and SIGHUP, and ends the process.
 *
 * The exit status is 0 if it was asked to stop, 1 if core is gone or refused it (osquery then starts it again), 2 for
 * wrong arguments. A second signal ends it at once. Errors are one line on standard error.
 */
export async function main(options: MainOptions): Promise<never> {
  const { argv = process.argv.slice(2), ...what } = options;
  const say = (text: string): void => {
    process.stderr.write(`${what.name}: ${text}\n`);
  };
  let args: ExtensionArgs;
  try {
    args = parseExtensionArgs(argv);
  } catch (error) {
    say(messageOf(error));
    process.exit(WRONG_ARGUMENTS);
  }
  if (args.show !== undefined) {
    process.stdout.write(args.show === 'version' ? `${what.version}\n` : usage(what));
    process.exit(OK);
  }
  process.exit(await run(what, args, say));
}

async function run(
  what: Omit<MainOptions, 'argv'>,
  { socket = DEFAULT_SOCKET, timeout, interval, verbose = false }: ExtensionArgs,
  say: (text: string) => void,
): Promise<number> {
  const stop = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
      stop.abort(signal);
    });
  }
  try {
    await removeDeadSockets(socket);
    const end = await runExtension({
      ...what,
      socket,
      ...(timeout === undefined ? {} : { timeout }),
      ...(interval === undefined ? {} : { interval }),
      signal: stop.signal,
      onRegistered: registration => {
        if (verbose) say(`registered with ${socket} as ${registration.uuid}`);
        what.onRegistered?.(registration);
      },
      onLost: error => {
        if (verbose || what.reconnect !== true) say(error.message);
      },
    });
    if (verbose) say(reasonOf(end));
    return end.kind === 'core-lost' ? FAILED : OK;
  } catch (error) {
    say(messageOf(error));
    return FAILED;
  }
}

function reasonOf(end: ExtensionEnd): string {
  if (end.kind === 'shutdown') return 'osquery asked it to stop';
  return end.kind === 'signal' ? `stopped by ${String(end.reason)}` : 'osquery is gone';
}

function usage({ name, version, plugins }: Omit<MainOptions, 'argv'>): string {
  const lines = [
    `${name} ${version}, an osquery extension: ${plugins.map(plugin => `${plugin.registry} ${plugin.name}`).join(', ')}`,
    '',
    `  --socket PATH       osquery's extension socket (default: ${DEFAULT_SOCKET})`,
    '  --timeout SECONDS   to wait for osquery when registering (default: 3)',
    '  --interval SECONDS  between two checks of osquery (default: 3)',
    '  --verbose           report what happens',
  ];
  return `${lines.join('\n')}\n`;
}
