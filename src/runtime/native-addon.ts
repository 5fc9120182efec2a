import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundledAsset } from './bundled-asset.ts';
import { trustedDirectory } from './trusted-directory.ts';

/*
 * Native parts in the single executable. The system loads libraries only from files, so each has to become one for a
 * moment: one without a name wherever possible, which nobody else can open, replace or find, and which is gone with
 * the process however it ends.
 */

/** No directory would hold and run the file, or the library does not fit this system. */
export class NativeAddonError extends Error {
  override readonly name = 'NativeAddonError';
  readonly code = 'native-addon';
}

/**
 * Loads a native part that the build put into the executable; may be called once in each thread. Returns what its
 * package exports.
 *
 * @throws NativeAddonError naming every directory tried and what was wrong with it
 */
export const loadBundledAddon = (name: string): unknown =>
  loadAddon(name, bundledAsset(name), addonDirectories());

/**
 * Where to try, in this order. The executable's own directory is the one that is certain to be on a file system
 * that may run things; the others are better for not being on disk.
 */
export const addonDirectories = (): readonly string[] => [
  ...new Set(['/run', dirname(process.execPath), tmpdir(), '/var/tmp', '/dev/shm']),
];

/** Loads a native part given as the bytes of its file. */
export const loadAddon = (name: string, bytes: Uint8Array, directories: readonly string[]): unknown => {
  const refusals: string[] = [];
  for (const directory of directories) {
    try {
      return loadThrough(directory, bytes);
    } catch (error) {
      refusals.push(`${directory}: ${(error as Error).message}`);
    }
  }
  throw new NativeAddonError(
    `cannot load ${name}: expected a directory of root or of this user, on a file system that is not mounted noexec, with ${bytes.length} bytes to spare; tried ${refusals.join('; ')}. Set TMPDIR to such a directory`,
  );
};

const loadThrough = (directory: string, bytes: Uint8Array): unknown => {
  const file = createFile(directory);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file.fd, bytes, written);
    const module = { exports: {} };
    process.dlopen(module, file.path);
    // The file stays open: the loader knows libraries by path, and this one must not come to mean another file.
    return module.exports;
  } catch (error) {
    closeSync(file.fd);
    throw error;
  } finally {
    file.removeName();
  }
};

interface LibraryFile {
  readonly fd: number;
  /** What the loader finds it by. */
  readonly path: string;
  readonly removeName: () => void;
}

/** linux/fcntl.h, the same on x86-64 and arm64 but for O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0);
const OWNER_ONLY = 0o600;

const createFile = (directory: string): LibraryFile =>
  process.platform === 'linux' && existsSync('/proc/self/fd')
    ? createUnnamedFile(directory)
    : createNamedFile(directory);

const createUnnamedFile = (directory: string): LibraryFile => {
  let fd: number;
  try {
    // With O_EXCL it cannot get a name later either.
    fd = openSync(directory, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, OWNER_ONLY);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    const named = createNamedFile(directory);
    named.removeName();
    fd = named.fd;
  }
  return { fd, path: `/proc/self/fd/${fd}`, removeName: () => {} };
};

/** How file systems without O_TMPFILE, and kernels before it, answer. */
const isUnsupported = (error: unknown): boolean =>
  ['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '');

const createNamedFile = (parent: string): LibraryFile => {
  const directory = mkdtempSync(join(trustedDirectory(parent), 'osquery-audit-events-'));
  const path = join(directory, 'addon.node');
  try {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, OWNER_ONLY);
    return {
      fd,
      path,
      removeName: () => {
        unlinkSync(path);
        rmdirSync(directory);
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
};
