/** The daemon's composition: the embedded core with a schedule, and as its extension those listed, or this program. */
import type { ExtensionCommand } from '../core/extension-process.ts';
import { readAutoload } from '../core/schedule/autoload.ts';
import { runDaemon as run } from '../core/schedule/run-daemon.ts';
import { extensionCommand } from './shell.ts';

export interface DaemonOptions {
  /** Core's flags by name, over the defaults of osqueryd. */
  readonly coreFlags: ReadonlyMap<string, string>;
  /** Arguments of the extension beyond those osqueryd would give, such as `--replay=FILE`. */
  readonly extensionArgs: readonly string[];
  /** Configurations and packs to run; without any, `--config_path`. */
  readonly schedule?: readonly string[];
  /** Runs every query at this interval in seconds instead of its own. */
  readonly everySeconds?: number;
  /** Time from the start of the extensions to the configuration. */
  readonly configDelaySeconds?: number;
}

/** Runs until SIGTERM, SIGINT or SIGHUP and resolves with the exit status. */
export const runDaemon = ({
  coreFlags,
  extensionArgs,
  schedule,
  everySeconds,
  configDelaySeconds,
}: DaemonOptions): Promise<number> =>
  run({
    coreFlags,
    ...extensionsToStart(coreFlags.get('extensions_autoload'), extensionArgs),
    stdout: process.stdout,
    stderr: process.stderr,
    ...(schedule === undefined ? {} : { schedule }),
    ...(everySeconds === undefined ? {} : { everySeconds }),
    ...(configDelaySeconds === undefined ? {} : { configDelaySeconds }),
  });

const extensionsToStart = (
  loadFile: string | undefined,
  moreArgs: readonly string[],
): { readonly extensions: readonly ExtensionCommand[]; readonly warnings: readonly string[] } => {
  const autoload = loadFile === undefined ? undefined : readAutoload(loadFile);
  if (autoload === undefined) return { extensions: [extensionCommand(moreArgs)], warnings: [] };
  return {
    extensions: autoload.paths.map(path => ({ path, args: [], moreArgs })),
    warnings: autoload.warnings,
  };
};
