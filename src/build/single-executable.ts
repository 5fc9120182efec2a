import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { V8_OPTIONS } from '../runtime/v8-options.ts';

const run = promisify(execFile);

export interface SingleExecutableOptions {
  /** The node binary that it becomes. It does the work too, since versions must match. */
  readonly node: string;
  /** The CommonJS script it runs. */
  readonly main: string;
  /** Paths of the files it contains, by name. */
  readonly assets: ReadonlyMap<string, string>;
  /** Directory for what is only needed meanwhile. */
  readonly scratch: string;
  readonly note: (text: string) => void;
}

/** Makes a single executable in the scratch directory; resolves with its path. Same input, same bytes. */
export const makeSingleExecutable = async (options: SingleExecutableOptions): Promise<string> => {
  const { node, main, assets, scratch, note } = options;
  const name = 'osquery-audit-events.ext';
  await writeFile(join(scratch, 'main.cjs'), main);
  const config = {
    // Relative, as it ends up in the file and in stack traces.
    main: 'main.cjs',
    output: name,
    executable: await stripped(node, join(scratch, 'node'), note),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: [
      // Thrift's, about which Node keeps quiet as long as it lies in node_modules.
      '--disable-warning=DEP0005',
      ...V8_OPTIONS,
    ],
    // It runs as root: NODE_OPTIONS must not make it load or do anything.
    execArgvExtension: 'none',
    assets: Object.fromEntries(assets),
  };
  await writeFile(join(scratch, 'sea.json'), JSON.stringify(config));
  // V8 shuffles the compiled code by a random number; this one flag it does not hold against the code later.
  await run(node, ['--random-seed=1', '--build-sea', 'sea.json'], { cwd: scratch, env: {} });
  return join(scratch, name);
};

/** Without its symbols the binary is a fifth smaller; returns the original where that cannot be had. */
const stripped = async (
  node: string,
  copy: string,
  note: SingleExecutableOptions['note'],
): Promise<string> => {
  try {
    await copyFile(node, copy);
    await run('strip', [copy]);
    await run(copy, ['--version']);
    return copy;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'strip (package binutils) is not installed' : (error as Error).message;
    note(`symbols stay in, for 33 MB more: ${why}`);
    return node;
  }
};
