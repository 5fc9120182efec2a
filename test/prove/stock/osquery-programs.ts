import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '../../bench/peers/peer-program.ts';

/** An osquery that is installed on this host. */
export interface OsqueryPrograms {
  readonly osqueryd: string;
  /** Command line of the shell: osqueryi, or the daemon's own program in its place. */
  readonly osqueryi: readonly [file: string, ...args: string[]];
}

const findOsquery = (): OsqueryPrograms | undefined => {
  // An empty one names none.
  const osqueryd = process.env.OSQUERYD || findProgram('osqueryd');
  if (osqueryd === undefined) return undefined;
  if (!existsSync(osqueryd)) throw new Error(`OSQUERYD: expected the path of an osqueryd, got ${osqueryd}`);
  const beside = join(dirname(osqueryd), 'osqueryi');
  return { osqueryd, osqueryi: existsSync(beside) ? [beside] : [osqueryd, '-S'] };
};

export const osquery = findOsquery();

/** Why nothing can be proved here; undefined if it can. */
export const whyNotStock =
  osquery === undefined ? 'no osqueryd on PATH; OSQUERYD=/path/to/osqueryd names one' : undefined;
