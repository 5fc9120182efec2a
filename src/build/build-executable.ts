import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SHIPPED_FILES } from '../setup/shipped-files.ts';
import { bundle } from './bundle.ts';
import { replacements } from './replacements.ts';
import { makeSingleExecutable, type NodeBinary } from './single-executable.ts';

/** osquery takes no extension that others can write to, or that its owner cannot execute. */
const MODE = 0o755;

export interface BuildOptions {
  /** Absolute path of the project. */
  readonly root: string;
  /** Of the machines that it is for, as `process.arch` names it. */
  readonly arch: 'x64' | 'arm64';
  readonly node: NodeBinary;
  /** The node_modules with that architecture's native parts. */
  readonly modules: string;
  /** Absolute path of the file to make. */
  readonly output: string;
  readonly note: (text: string) => void;
}

/** Makes the extension's one file. Same sources and packages, same bytes. */
export const buildExecutable = async (options: BuildOptions): Promise<void> => {
  const { root, arch, node, modules, output, note } = options;
  const { main, workers, used } = await bundle({
    root,
    entry: 'src/cli/main.ts',
    replacements: replacements(arch),
  });
  await mkdir(dirname(output), { recursive: true });
  // On the same file system, so that the finished file takes its place at once, even of one that runs.
  const scratch = await mkdtemp(join(dirname(output), '.build-'));
  try {
    const assets = new Map<string, string>();
    for (const [name, code] of workers) {
      assets.set(name, join(scratch, name));
      await writeFile(join(scratch, name), code);
    }
    for (const { asset } of used) {
      if (asset !== undefined) assets.set(asset.name, join(modules, asset.file));
    }
    for (const [name, file] of SHIPPED_FILES) assets.set(name, join(root, file));
    const made = await makeSingleExecutable({
      node,
      main,
      assets: new Map([...assets].sort()),
      scratch,
      note,
    });
    // Written in small pieces, as a copy is: in the page cache a file stays in the pieces in which it was written, and of
    // a piece of 2 MB, which is what one large write makes, Linux 6.18 maps all when one byte is read.
    const inPieces = join(scratch, 'in-pieces');
    await pipeline(createReadStream(made), createWriteStream(inPieces));
    await chmod(inPieces, MODE);
    await rename(inPieces, output);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
