import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { addonFile, type CreateAddonFile } from './addon-file.ts';
import { bundledAsset } from './bundled-asset.ts';
import { CodedError } from './coded-error.ts';

/** No directory would hold and run the file, or the native part does not fit this system. */
export class NativeAddonError extends CodedError<'native-addon'> {
  override readonly name = 'NativeAddonError';

  constructor(message: string, options?: ErrorOptions) {
    super('native-addon', message, options);
  }
}

/**
 * Loads a native part that the build put into the executable, once in each thread that asks. Returns its exports.
 *
 * @throws NativeAddonError naming every directory tried and what was wrong with it
 */
export const loadBundledAddon = (name: string): unknown =>
  loadAddon(name, bundledAsset(name), addonDirectories());

/**
 * Where to try, in this order. The system's loader takes libraries from files only. The executable's own directory is
 * sure to be on a file system that may run things; /run before it is in memory, and root's alone.
 */
export const addonDirectories = (): readonly string[] => [
  ...new Set(['/run', dirname(process.execPath), tmpdir(), '/var/tmp', '/dev/shm']),
];

/** Loads a native part from the bytes of its file, by way of the first directory that lets it. */
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
      // The file stays open: the loader knows libraries by their paths, and its path has the descriptor's number.
      return module.exports;
    } catch (error) {
      refusals.push(`${directory} (${(error as Error).message})`);
    }
  }
  throw new NativeAddonError(
    `cannot load ${name}: expected a directory on a file system that is not mounted noexec, with ${bytes.length} bytes free, tried ${refusals.join(', ')}: set TMPDIR to such a directory`,
  );
};
