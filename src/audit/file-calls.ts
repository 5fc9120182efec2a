/** What a system call does to a file, with osquery's name if it has one. */
export type FileOperation =
  | 'read'
  | 'open'
  | 'write'
  | 'open+truncate'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'unlink'
  | 'mkdir'
  | 'mknod'
  | 'chmod'
  | 'chown'
  | 'setxattr'
  | 'removexattr'
  | 'utimes'
  | 'setattr';

/** The meaning of a call's arguments, as indexes from 0. */
export interface FileCall {
  /** undefined for an open, whose flags tell. */
  readonly operation: FileOperation | undefined;
  /** The directory that a relative path starts from; without it, the working directory. */
  readonly directory?: number;
  /** The same for the second path. */
  readonly secondDirectory?: number;
  /** Flags of an open. Those of openat2 are in memory, and in a record of their own. */
  readonly flags?: number;
  /** The file is given by its descriptor. */
  readonly descriptor?: true;
}

/**
 * The system calls that change or open something with a path. 32-bit variants with another name do the same. Source:
 * fs/open.c, fs/namei.c, fs/xattr.c and fs/utimes.c in the kernel.
 */
export const FILE_CALLS = {
  open: { operation: undefined, flags: 1 },
  openat: { operation: undefined, directory: 0, flags: 2 },
  openat2: { operation: undefined, directory: 0 },
  creat: { operation: 'open+truncate' },
  truncate: { operation: 'write' },
  truncate64: { operation: 'write' },
  ftruncate: { operation: 'write', descriptor: true },
  ftruncate64: { operation: 'write', descriptor: true },
  fallocate: { operation: 'write', descriptor: true },
  rename: { operation: 'rename' },
  renameat: { operation: 'rename', directory: 0, secondDirectory: 2 },
  renameat2: { operation: 'rename', directory: 0, secondDirectory: 2 },
  link: { operation: 'link' },
  linkat: { operation: 'link', directory: 0, secondDirectory: 2 },
  symlink: { operation: 'symlink' },
  symlinkat: { operation: 'symlink', secondDirectory: 1 },
  unlink: { operation: 'unlink' },
  unlinkat: { operation: 'unlink', directory: 0 },
  rmdir: { operation: 'unlink' },
  mkdir: { operation: 'mkdir' },
  mkdirat: { operation: 'mkdir', directory: 0 },
  mknod: { operation: 'mknod' },
  mknodat: { operation: 'mknod', directory: 0 },
  chmod: { operation: 'chmod' },
  fchmod: { operation: 'chmod', descriptor: true },
  fchmodat: { operation: 'chmod', directory: 0 },
  fchmodat2: { operation: 'chmod', directory: 0 },
  chown: { operation: 'chown' },
  fchown: { operation: 'chown', descriptor: true },
  lchown: { operation: 'chown' },
  fchownat: { operation: 'chown', directory: 0 },
  chown32: { operation: 'chown' },
  fchown32: { operation: 'chown', descriptor: true },
  lchown32: { operation: 'chown' },
  setxattr: { operation: 'setxattr' },
  lsetxattr: { operation: 'setxattr' },
  fsetxattr: { operation: 'setxattr', descriptor: true },
  setxattrat: { operation: 'setxattr', directory: 0 },
  removexattr: { operation: 'removexattr' },
  lremovexattr: { operation: 'removexattr' },
  fremovexattr: { operation: 'removexattr', descriptor: true },
  removexattrat: { operation: 'removexattr', directory: 0 },
  utime: { operation: 'utimes' },
  utimes: { operation: 'utimes' },
  futimesat: { operation: 'utimes', directory: 0 },
  utimensat: { operation: 'utimes', directory: 0 },
  utimensat_time64: { operation: 'utimes', directory: 0 },
  file_setattr: { operation: 'setattr', directory: 0 },
} as const satisfies Readonly<Record<string, FileCall>>;

export type FileCallName = keyof typeof FILE_CALLS;

export const fileCallNames = Object.keys(FILE_CALLS) as readonly FileCallName[];

/** undefined for any other call. */
export const fileCall = (name: string): FileCall | undefined =>
  Object.hasOwn(FILE_CALLS, name) ? FILE_CALLS[name as FileCallName] : undefined;
