import { dirname } from 'node:path';
import { FlagError, quoteText } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import type { Command } from './command.ts';
import { commonFlags, extensionFlags } from './command-flags.ts';
import { dropPrivileges } from './drop-privileges.ts';
import type { ExtensionArgs } from './extension-args.ts';
import { replayTimes } from './replay-times.ts';

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
      // Its own socket is made beside core's.
      writes: [args.socket, dirname(args.socket)],
    });
    const { runExtensionCommand } = await import('./extension.ts');
    return runExtensionCommand(args, warning);
  },
};

const OWNER_ONLY = 0o077;

/** Longest path that fits into a sockaddr_un; the extension's own socket adds `.` and up to 20 digits. */
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
