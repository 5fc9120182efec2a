/**
 * The single executable of this tree, for tests that start the program: it is what is shipped, and starts in a third of the
 * time that the sources take.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildExecutable } from '../src/build/build-executable.ts';
import { installedNode } from '../src/build/node-binary.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** All that it is made of. */
const INPUTS = ['src', 'tables', 'package.json', 'package-lock.json', 'osquery.flags'];
/** Milliseconds after which one of other sources is taken to be in nobody's use. */
const OLD_MS = 3_600_000;

/** Its path; built where no run before has done that from the same sources. */
export const builtExtension = async (): Promise<string> => {
  const { arch } = process;
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`expected x64 or arm64, got ${arch}`);
  // Not in a directory for temporary files: from there core starts nothing.
  const cache = join(root, 'node_modules', '.cache', 'osquery-audit-events');
  const directory = join(cache, `${arch}-${hashOf(INPUTS)}`);
  const path = join(directory, 'osquery-audit-events.ext');
  if (exists(path)) return path;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const before = join(cache, name);
    if (Date.now() - statSync(before).mtimeMs > OLD_MS) rmSync(before, { recursive: true, force: true });
  }
  const scratch = mkdtempSync(join(cache, 'build-'));
  const modules = join(root, 'node_modules');
  const output = join(scratch, 'osquery-audit-events.ext');
  const node = await installedNode(modules, arch);
  await buildExecutable({ root, arch, node, modules, output, note: () => {} });
  // Other users start it, too.
  chmodSync(scratch, 0o755);
  try {
    renameSync(scratch, directory);
  } catch (error) {
    // Another run was faster.
    if (!exists(path)) throw error;
    rmSync(scratch, { recursive: true });
  }
  return path;
};

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

const hashOf = (inputs: readonly string[]): string => {
  const hash = createHash('sha256').update(process.version);
  const add = (path: string): void => {
    hash.update(`\0${path}\0`);
    if (statSync(join(root, path)).isFile()) hash.update(readFileSync(join(root, path)));
    else
      for (const name of readdirSync(join(root, path)).sort())
        if (name !== 'node_modules') add(join(path, name));
  };
  for (const path of inputs) add(path);
  return hash.digest('hex').slice(0, 16);
};
