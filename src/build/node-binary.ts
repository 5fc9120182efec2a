import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeBinary } from 'osquery-extension-ts/build';

/** GNU's names of the machines, as they stand in the names of cross tools. */
const GNU_NAMES = { x64: 'x86_64', arm64: 'aarch64' } as const;

/**
 * The Node that npm installed into a node_modules, to be made into an executable. For another architecture than this
 * machine's it is run by Debian's qemu-user-static with libstdc++6-arm64-cross (or -amd64-cross), and stripped by
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
