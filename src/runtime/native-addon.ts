import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { addonFile, type CreateAddonFile } from './addon-file.ts';
import { bundledAsset } from './bundled-asset.ts';
import { CodedError } from './coded-error.ts';

/** No directory can hold and run the file, or the native part does not fit this system. */
export class NativeAddonError extends CodedError<'native-addon'> {
  override readonly name = 'NativeAddonError';

  constructor(message: string, options?: ErrorOptions) {
    super('native-addon', message, options);
  }
}

/**
 * Loads a native part that the build put into the executable, once for each thread. Returns its exports.
 *
 * @throws NativeAddonError that names every directory tried, and what was wrong with it
 */
export const loadBundledAddon = (name: string): unknown =>
  loadAddon(name, bundledAsset(name), addonDirectories());

/**
 * Directories to try, in this order. The system's loader takes libraries only from files. /run is in memory and
 * belongs to root alone. The executable's own directory is surely on a file system that may run programs.
 */
export const addonDirectories = (): readonly string[] => [
  ...new Set(['/run', dirname(process.execPath), tmpdir(), '/var/tmp', '/dev/shm']),
];

/** Loads a native part from the bytes of its file, through the first directory that allows it. */
export const loadAddon = (
  name: string,
  bytes: Uint8Array,
  directories: readonly string[],
  createFile: CreateAddonFile = addonFile,
): unknown => {
  const refusals: string[] = [];
  for (const directory of directories) {
    try {
      const { fd, path, removeName } = createFile(directory, bytes);
      const module = { exports: {} };
      try {
        process.dlopen(module, path);
      } catch (error) {
        closeSync(fd);
        throw error;
      } finally {
        removeName();
      }
      // The file stays open: the loader identifies libraries by their paths, and this path contains the descriptor's
      // number.
      return module.exports;
    } catch (error) {
      refusals.push(`${directory} (${(error as Error).message})`);
    }
  }
  throw new NativeAddonError(
    `cannot load ${name}: expected a directory on a file system that is not mounted noexec, with ${bytes.length} bytes free; tried ${refusals.join(', ')}: set TMPDIR to such a directory`,
  );
};
