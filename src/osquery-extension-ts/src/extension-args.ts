import { OsqueryError, shown } from './errors.ts';

/** Arguments that core gives an extension that it starts, and those for people. */
export interface ExtensionArgs {
  /** Path of core's socket; undefined if not given. */
  readonly socket?: string;
  /** Seconds to wait for core when registering. */
  readonly timeout?: number;
  /** Seconds between two looks at core. */
  readonly interval?: number;
  readonly verbose?: boolean;
  /** What to show instead of running. */
  readonly show?: 'help' | 'version';
}

const NUMBERS = ['timeout', 'interval'];
const SWITCHES = ['verbose', 'help', 'version'];

/**
 * Reads arguments as core writes them (`--socket PATH --timeout 3 --interval 3 --verbose`), and in gflags' forms,
 * which osquery's users know: one dash or two, `--name value` or `--name=value`, `--noverbose`.
 *
 * @throws OsqueryError OSQUERY_INVALID for what is not an argument
 */
export function parseExtensionArgs(argv: readonly string[]): ExtensionArgs {
  const args: Record<string, string | number | boolean> = {};
  for (let at = 0; at < argv.length; at += 1) {
    const text = argv[at]!;
    const [, name = '', given] = /^--?([a-z]+)(?:=(.*))?$/s.exec(text) ?? [];
    if (SWITCHES.includes(name) && (given === undefined || given === 'true')) {
      if (name === 'verbose') args.verbose = true;
      else args.show = name;
    } else if (name === 'noverbose' || (name === 'verbose' && given === 'false')) {
      args.verbose = false;
    } else if (name === 'socket' || NUMBERS.includes(name)) {
      at += given === undefined ? 1 : 0;
      const value = given ?? argv[at];
      if (value === undefined || value === '') throw invalid(`--${name}: expected a value`);
      args[name] = name === 'socket' ? value : secondsOf(name, value);
    } else {
      throw invalid(
        `unknown argument ${shown(text)}; expected --socket PATH, --timeout SECONDS, --interval SECONDS, --verbose`,
      );
    }
  }
  return args as ExtensionArgs;
}

function secondsOf(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw invalid(`--${name}: expected seconds, got ${shown(text)}`);
}

function invalid(message: string): OsqueryError {
  return new OsqueryError('OSQUERY_INVALID', message);
}
