import { fileURLToPath } from 'node:url';

/** The extension as a command line, without its own arguments. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** For people. */
  readonly name: string;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The sources, run by this Node. */
export const fromSources = (nodeOptions: readonly string[] = []): Program => ({
  file: process.execPath,
  args: ['--conditions=source', ...nodeOptions, MAIN],
  name: 'from the sources',
});

/** A built single executable. */
export const fromFile = (path: string): Program => ({ file: path, args: [], name: path });
