import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findTool } from './find-tool.ts';

const run = promisify(execFile);

/** A Node, perhaps of another architecture than this machine's. */
export interface NodeBinary {
  readonly path: string;
  /** The command that emulates the architecture; empty if this machine runs it. */
  readonly emulator: readonly string[];
  /** The program that removes symbols from it. */
  readonly strip: string;
}

/** A file in an executable: an existing file, or text. */
export type Asset = { readonly file: string } | { readonly text: string };

/** Options of a single executable. */
export interface SingleExecutableOptions {
  /** The Node that becomes the executable. It also does the work, because versions must match. */
  readonly node: NodeBinary;
  /** The script that it runs. */
  readonly main: string;
  /** The files that it contains, by name. */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Node's own arguments. Node 24.6 and later. */
  readonly execArgv?: readonly string[];
  /** Receives optional steps that could not be done. */
  readonly note: (text: string) => void;
}

/** What Node looks for in its own file: the name of the note with our part, and the bytes that say there is one. */
const NOTE = 'NODE_SEA_BLOB';
export const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Makes a single executable; resolves with its path. The same input gives the same bytes.
 *
 * @param scratch directory for temporary files, and for the file itself
 */
export const makeSingleExecutable = async (
  { node, main, assets = new Map(), execArgv = [], note }: SingleExecutableOptions,
  scratch: string,
): Promise<string> => {
  await writeFile(join(scratch, 'main.cjs'), main);
  const config = {
    // Relative, because it appears in the file and in stack traces.
    main: 'main.cjs',
    output: 'blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv,
    // It runs as root: NODE_OPTIONS must not make it load or do anything.
    execArgvExtension: 'none',
    assets: Object.fromEntries(await assetFiles(assets, scratch)),
  };
  await writeFile(join(scratch, 'sea.json'), JSON.stringify(config));
  // V8 shuffles the compiled code by a random number. This one flag does not make it reject the code later.
  const args = ['--random-seed=1', '--experimental-sea-config', 'sea.json'];
  await run(...command(node, node.path, args), { cwd: scratch, env: { PATH: process.env.PATH } });
  const executable = await stripped(node, join(scratch, 'node'), note);
  // Run as a program, so that its warnings about section names, which nothing reads, do not appear.
  const postject = findTool('postject', 'postject/dist/cli.js', join(process.cwd(), 'package.json'));
  const inject = [postject, executable, NOTE, join(scratch, 'blob'), '--sentinel-fuse', SENTINEL];
  await run(process.execPath, inject);
  return executable;
};

/** Paths of assets by name. */
const assetFiles = async (
  assets: ReadonlyMap<string, Asset>,
  scratch: string,
): Promise<[name: string, path: string][]> =>
  Promise.all(
    Array.from(assets, async ([name, asset]): Promise<[string, string]> => {
      if ('file' in asset) return [name, asset.file];
      await writeFile(join(scratch, name), asset.text);
      return [name, join(scratch, name)];
    }),
  );

/** How to run a copy of a Node. */
const command = ({ emulator }: NodeBinary, path: string, args: readonly string[]): [string, string[]] => {
  const [program, ...rest] = [...emulator, path, ...args];
  return [program!, rest];
};

/** Without its symbols the binary is a tenth smaller; without a strip program a whole copy is made. */
const stripped = async (
  node: NodeBinary,
  copy: string,
  note: SingleExecutableOptions['note'],
): Promise<string> => {
  try {
    await copyFile(node.path, copy);
    await run(node.strip, [copy]);
    await run(...command(node, copy, ['--version']));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `${node.strip} (package binutils) is not installed` : (error as Error).message;
    note(`symbols stay in, for 14 MB more: ${why}`);
    await copyFile(node.path, copy);
  }
  return copy;
};
