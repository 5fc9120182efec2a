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

/** A file that only this process can open, as long as it is not root that tries. */
export interface AddonFile {
  readonly fd: number;
  /** What the system's loader finds it by. */
  readonly path: string;
  /** Takes the file's name away, if it has one. */
  readonly removeName: () => void;
}

/** Makes a file with the given content in or on the file system of a directory. */
export type CreateAddonFile = (directory: string, bytes: Uint8Array) => AddonFile;

const OWNER_ONLY = 0o600;
/** linux/fcntl.h; the kernel wants O_DIRECTORY with it. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0);

/**
 * A file that never has a name: nobody can find, open or replace it, and it is gone with the process however that
 * ends.
 *
 * @throws ErrnoException EOPNOTSUPP where the file system cannot have such files
 */
export const unnamedFile: CreateAddonFile = (directory, bytes) => {
  // O_EXCL: it cannot be given a name later either.
  const fd = openSync(directory, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, OWNER_ONLY);
  return { fd: fill(fd, bytes), path: pathOf(fd), removeName: () => {} };
};

/** A file that has a name, in a new directory of its own, until it is open. */
export const unlinkedFile: CreateAddonFile = (directory, bytes) => {
  const { fd, removeName } = createNamed(directory);
  removeName();
  return { fd: fill(fd, bytes), path: pathOf(fd), removeName: () => {} };
};

/** A file that has a name, in a new directory of its own, until whoever asked for it takes the name away. */
export const namedFile: CreateAddonFile = (directory, bytes) => {
  const { fd, path, removeName } = createNamed(directory);
  try {
    return { fd: fill(fd, bytes), path, removeName };
  } catch (error) {
    removeName();
    throw error;
  }
};

/** The best of the three that this system can do. */
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

/** How file systems without O_TMPFILE, and kernels older than it, answer. */
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

/** Returns the descriptor; closes it if the content does not fit. */
const fill = (fd: number, bytes: Uint8Array): number => {
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};
