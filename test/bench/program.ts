import { fileURLToPath } from 'node:url';
import { V8_OPTIONS } from '../../src/runtime/v8-options.ts';

/** The extension as a command line, without its own arguments. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** For people. */
  readonly name: string;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The sources, run by this Node with the options that the executable has built in. */
export const fromSources = (nodeOptions: readonly string[] = []): Program => ({
  file: process.execPath,
  args: ['--conditions=source', ...V8_OPTIONS, ...nodeOptions, MAIN],
  name: 'from the sources',
});

/** A built single executable. */
export const fromFile = (path: string): Program => ({ file: path, args: [], name: path });
