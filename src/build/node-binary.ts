import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeBinary } from 'osquery-extension-ts/build';

/** What GNU's tools call the machines, as in the names of those that work for other machines. */
const GNU_NAMES = { x64: 'x86_64', arm64: 'aarch64' } as const;

/**
 * The Node that npm put into a node_modules, to become an executable. That of another architecture than this machine's
 * is run by Debian's qemu-user-static with its libstdc++6-arm64-cross (or -amd64-cross), and stripped by its
 * binutils-aarch64-linux-gnu (or -x86-64-).
 *
 * @throws Error if it is not there
 */
export const installedNode = async (modules: string, arch: 'x64' | 'arm64'): Promise<NodeBinary> => {
  const path = join(modules, `node-linux-${arch}`, 'bin', 'node');
  await stat(path).catch(cause => {
    throw new Error(`expected ${path}: run npm ci, without --omit=optional`, { cause });
  });
  if (arch === process.arch) return { path, emulator: [], strip: 'strip' };
  const machine = GNU_NAMES[arch];
  return {
    path,
    emulator: [`qemu-${machine}-static`, '-L', `/usr/${machine}-linux-gnu`],
    strip: `${machine}-linux-gnu-strip`,
  };
};
