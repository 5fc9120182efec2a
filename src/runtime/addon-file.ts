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
import { join } from 'node:path';
import { trustedDirectory } from './trusted-directory.ts';

/** A file that no other process can open, except one of root. */
export interface AddonFile {
  readonly fd: number;
  /** Path for the system's loader. */
  readonly path: string;
  /** Removes the file's name, if it has one. */
  readonly removeName: () => void;
}

/** Makes a file with the given content, in a directory or on its file system. */
export type CreateAddonFile = (directory: string, bytes: Uint8Array) => AddonFile;

const OWNER_ONLY = 0o600;
/** linux/fcntl.h. The kernel requires O_DIRECTORY with it. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0);

/**
 * A file that never has a name: nobody can find, open or replace it, and it disappears with the process, however that
 * ends.
 *
 * @throws ErrnoException EOPNOTSUPP if the file system does not support such files
 */
export const unnamedFile: CreateAddonFile = (directory, bytes) => {
  // With O_EXCL it cannot be given a name later.
  const fd = openSync(directory, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, OWNER_ONLY);
  return { fd: fill(fd, bytes), path: pathOf(fd), removeName: () => {} };
};

/** A file that has a name, in a new directory of its own, only until it is open. */
export const unlinkedFile: CreateAddonFile = (directory, bytes) => {
  const { fd, removeName } = createNamed(directory);
  removeName();
  return { fd: fill(fd, bytes), path: pathOf(fd), removeName: () => {} };
};

/** A file that has a name, in a new directory of its own, until the caller removes the name. */
export const namedFile: CreateAddonFile = (directory, bytes) => {
  const { fd, path, removeName } = createNamed(directory);
  try {
    return { fd: fill(fd, bytes), path, removeName };
  } catch (error) {
    removeName();
    throw error;
  }
};

/** The best of the three that this system supports. */
export const addonFile: CreateAddonFile = (directory, bytes) => {
  if (!existsSync(pathOf(''))) return namedFile(directory, bytes);
  try {
    return unnamedFile(directory, bytes);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return unlinkedFile(directory, bytes);
  }
};

/** Linux: opens the file behind a descriptor, even one without a name. */
const pathOf = (fd: number | ''): string => `/proc/self/fd/${fd}`;

/** The answers of file systems without O_TMPFILE, and of older kernels. */
const isUnsupported = (error: unknown): boolean =>
  ['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '');

const createNamed = (parent: string): AddonFile => {
  // Node makes it with mode 0700.
  const directory = mkdtempSync(join(trustedDirectory(parent), 'osquery-audit-events-addon-'));
  const path = join(directory, 'addon.node');
  try {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, OWNER_ONLY);
    const removeName = (): void => {
      unlinkSync(path);
      rmdirSync(directory);
    };
    return { fd, path, removeName };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
};

/** Writes the content and returns the descriptor; closes it if the content does not fit. */
const fill = (fd: number, bytes: Uint8Array): number => {
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};
