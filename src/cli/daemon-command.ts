import { FlagError, quoteText } from '../flags/flag-error.ts';
import type { Command } from './command.ts';
import { commonFlags, daemonFlags } from './command-flags.ts';
import { ownExtension } from './own-extension.ts';
import { replayTimeArguments, replayTimes } from './replay-times.ts';

/** A flag of core. It is listed with the command's own flags because it has an effect only here. */
const OF_CORE = 'extensions_autoload';

export const daemonCommand: Command = {
  name: 'daemon',
  summary: 'an embedded osquery core that runs a schedule and writes result logs, as osqueryd does',
  usage: 'daemon [--flagfile FILE] [--schedule FILE] [--every N] [flags]',
  notes: [
    "It has osqueryd's empty tables of the standard names, its database, its result and status logs (--logger_path), and it starts extensions as osqueryd does. So it shows what a stock osqueryd would do with an osquery.flags and its packs. SIGTERM ends it.",
    "Flags and their defaults are osqueryd's. Without --database_path the database is in memory, without --extensions_socket the socket is in a directory of its own.",
  ],
  flags: daemonFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const { values } = flags;
    const [stray] = flags.positionals;
    if (stray !== undefined) throw new FlagError('usage', `daemon: unexpected argument ${quoteText(stray)}`);
    const replay = flags.lists.get('replay') ?? [];
    if (replay.length > 0) {
      const { checkReplay } = await import('../ingest/replay/open-replay.ts');
      for (const path of replay) await checkReplay(path);
    }
    const own = new Set(daemonFlags.map(({ name }) => name).filter(name => name !== OF_CORE));
    const schedule = flags.lists.get('schedule');
    const every = values.get('every');
    const delay = values.get('config_delay');
    const { runDaemon } = await import('../core/schedule/run-daemon.ts');
    const { nativeEventTables } = await import('../../tables/native-event-tables.ts');
    const { readAutoload } = await import('../core/schedule/autoload.ts');
    const coreFlags = new Map([...values].filter(([name]) => !own.has(name)));
    const loadFile = coreFlags.get(OF_CORE);
    const autoload = loadFile === undefined ? undefined : readAutoload(loadFile);
    const moreArgs = [...replay.map(path => `--replay=${path}`), ...replayTimeArguments(replayTimes(flags))];
    return runDaemon({
      coreFlags,
      extensions: autoload?.paths.map(path => ({ path, args: [], moreArgs })) ?? [ownExtension(moreArgs)],
      warnings: autoload?.warnings ?? [],
      nativeTables: nativeEventTables,
      stdout: process.stdout,
      stderr: process.stderr,
      ...(schedule === undefined ? {} : { schedule }),
      ...(every === undefined ? {} : { everySeconds: Number(every) }),
      ...(delay === undefined ? {} : { configDelaySeconds: Number(delay) }),
    });
  },
};
