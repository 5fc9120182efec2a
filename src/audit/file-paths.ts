import { posix } from 'node:path';
import type { FileCall } from './file-calls.ts';
import type { KnownFiles } from './known-files.ts';
import type { PathItem } from './path-item.ts';

export interface FileContext {
  readonly known: KnownFiles;
  /**
   * The path of the directory that a process has open, if its inode is the given one.
   *
   * @returns undefined if it cannot be determined
   */
  readonly openDirectory: (pid: number, descriptor: number, inode: string) => string | undefined;
}

/** The parts of a call on which its paths depend. */
export interface PathCall {
  readonly pid: number;
  readonly cwd: string | undefined;
  /** The first four arguments; for io_uring operations none are recorded. */
  readonly args: readonly (number | undefined)[];
}

/** The files that a call affected, and their paths. */
export interface Located {
  readonly file: PathItem;
  readonly path: string | undefined;
  readonly destination?: PathItem | undefined;
  readonly destPath?: string | undefined;
  /** In an exchange of names: the file that had the new name, and has the old one now. */
  readonly swapped?: PathItem | undefined;
  /** Whether one of the paths is unknown. */
  readonly isPartial: boolean;
}

/** Means the working directory where a descriptor is expected. Source: linux/fcntl.h. */
const AT_FDCWD = 0xffff_ff9c;

/** A name in /proc for an open descriptor; it is not the name of the file itself. */
const DESCRIPTOR_LINK = /^\/proc\/(?:self|thread-self|\d+)\/fd\/\d+$/;

const absolute = (name: string, directory: string): string =>
  withoutSlash(posix.normalize(name.startsWith('/') ? name : `${directory}/${name}`));

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/**
 * The paths of one event, from its PATH records. Absolute paths are used as they are; relative ones are resolved against the
 * working directory, or against the directory of a given descriptor if that is known. Unknown paths are not guessed.
 * Source of the records' order: audit_log_exit in kernel/auditsc.c; fs/namei.c.
 */
export class FilePaths {
  readonly #call: PathCall;
  readonly #parents: readonly PathItem[];
  readonly #context: FileContext;

  constructor(call: PathCall, items: readonly PathItem[], context: FileContext) {
    this.#call = call;
    this.#parents = parentsOf(items);
    this.#context = context;
  }

  /** @param targets the items that are not parent directories; at least one */
  locate(call: FileCall, targets: readonly PathItem[]): Located {
    switch (call.operation) {
      case 'rename':
        return this.#renamed(call, targets);
      case 'link':
        return this.#linked(call, targets);
      case 'symlink':
        return this.#symlinked(call, targets);
      default: {
        const last = targets.at(-1)!;
        const path = this.#of(last, call.directory);
        return { file: last, path: path ?? last.name, isPartial: path === undefined };
      }
    }
  }

  #renamed(call: FileCall, targets: readonly PathItem[]): Located {
    // A replaced file adds a DELETE of the new name; an exchange of two files has a DELETE and a CREATE of both.
    const from = targets.find(({ type }) => type === 'DELETE') ?? targets[0]!;
    const created = targets.filter(({ type }) => type === 'CREATE');
    const isMoved = ({ identity }: PathItem): boolean => identity !== undefined && identity === from.identity;
    const to = created.find(isMoved) ?? created.at(-1) ?? targets.at(-1)!;
    const path = this.#of(from, call.directory, this.#plain(to, call.secondDirectory));
    const destPath = this.#of(to, call.secondDirectory, path);
    return {
      file: from,
      path: path ?? from.name,
      destination: to,
      destPath: destPath ?? to.name,
      swapped: created.find(each => each.identity !== undefined && !isMoved(each)),
      isPartial: path === undefined || destPath === undefined,
    };
  }

  #linked(call: FileCall, targets: readonly PathItem[]): Located {
    const to = targets.findLast(({ type }) => type === 'CREATE') ?? targets.at(-1)!;
    const from = targets.find(({ type }) => type !== 'CREATE');
    const destPath = this.#of(to, call.secondDirectory);
    // Without `from`, a file that never had a name (O_TMPFILE) gets one: its records are complete.
    const path =
      from === undefined ? this.#context.known.pathOf(to.identity) : this.#of(from, call.directory);
    return {
      file: from ?? to,
      path: path ?? (from?.name === '' ? undefined : from?.name),
      destination: to,
      destPath: destPath ?? to.name,
      isPartial: destPath === undefined || (path === undefined && from?.name !== ''),
    };
  }

  #symlinked(call: FileCall, targets: readonly PathItem[]): Located {
    const to = targets.findLast(({ type }) => type === 'CREATE') ?? targets.at(-1)!;
    const destPath = this.#of(to, call.secondDirectory);
    const text = targets.find(item => item !== to)?.name;
    // The text of a link is relative to the directory of the link.
    const path =
      text === undefined || destPath === undefined ? text : absolute(text, posix.dirname(destPath));
    const isPartial = text === undefined || destPath === undefined;
    return { file: to, path, destination: to, destPath, isPartial };
  }

  /** A path that needs only the working directory; undefined if it depends on a descriptor, or on known inodes. */
  #plain({ name }: PathItem, directory: number | undefined): string | undefined {
    if (name?.startsWith('/')) return absolute(name, '/');
    const { cwd, args } = this.#call;
    const isOfCwd = directory === undefined || args[directory] === AT_FDCWD;
    return isOfCwd && name !== undefined && cwd !== undefined ? absolute(name, cwd) : undefined;
  }

  /**
   * @param directory number of the argument with the directory for a relative path
   * @param other the call's other path, if it is known
   */
  #of(item: PathItem, directory: number | undefined, other?: string): string | undefined {
    const { name, identity } = item;
    const { known } = this.#context;
    const plain = this.#plain(item, directory);
    if (plain !== undefined) return DESCRIPTOR_LINK.test(plain) ? (known.pathOf(identity) ?? plain) : plain;
    // A path known for the inode of a new name is an older name.
    const seen = item.type === 'CREATE' ? undefined : known.pathOf(identity);
    // An empty name means the file of the descriptor itself.
    if (name === undefined || name === '') return seen;
    const descriptor = directory === undefined ? AT_FDCWD : this.#call.args[directory];
    if (descriptor === AT_FDCWD) return undefined;
    const base = this.#directoryOf(descriptor, name, other);
    if (base !== undefined) return absolute(name, base);
    return seen !== undefined && posix.basename(seen) === posix.basename(name) ? seen : undefined;
  }

  /** The directory behind a descriptor, found by the inode of the file's parent directory. */
  #directoryOf(descriptor: number | undefined, name: string, other: string | undefined): string | undefined {
    const parent = this.#parentOf(other);
    const inner = posix.dirname(name);
    if (inner !== '.') {
      const path = parent && this.#context.known.pathOf(parent.identity);
      return path?.endsWith(`/${inner}`) ? path.slice(0, -inner.length - 1) || '/' : undefined;
    }
    const path = parent && this.#context.known.pathOf(parent.identity);
    if (path !== undefined || descriptor === undefined) return path;
    for (const { inode } of parent === undefined ? this.#parents : [parent]) {
      const open = inode && this.#context.openDirectory(this.#call.pid, descriptor, inode);
      if (open) return open;
    }
    return undefined;
  }

  /**
   * The parent directory of a file. A rename can have two; their order depends on the compiler of the kernel, so the one of the
   * other path is ruled out. undefined if that does not leave one.
   */
  #parentOf(other: string | undefined): PathItem | undefined {
    const [first, ...more] = this.#parents;
    if (more.length === 0 || other === undefined) return more.length === 0 ? first : undefined;
    const directory = posix.dirname(other);
    const rest = this.#parents.filter(({ identity }) => this.#context.known.pathOf(identity) !== directory);
    return rest.length === 1 && more.length === 1 ? rest[0] : undefined;
  }
}

/** The parent directories, without duplicates. */
const parentsOf = (items: readonly PathItem[]): readonly PathItem[] => {
  const parents = items.filter(({ type }) => type === 'PARENT');
  return parents.filter(
    ({ identity }, index) => parents.findIndex(each => each.identity === identity) === index,
  );
};

/** Remembers the paths that an event shows. */
export const rememberPaths = (
  { file, path, destination, destPath, swapped, isPartial }: Located,
  items: readonly PathItem[],
  known: KnownFiles,
): void => {
  // The inode may have been another file's before, or the new name is unknown: the remembered path may be wrong.
  for (const { type, identity } of items) if (type === 'CREATE') known.drop(identity);
  if (file.type === 'DELETE' && path !== undefined) {
    known.forget(file.identity, path);
    if (destination !== undefined) known.forgetBelow(path);
  }
  if (isPartial) return;
  // With two parents it is unknown which one belongs to which path.
  const parents = parentsOf(items);
  const parent = parents.length === 1 ? parents[0]?.identity : undefined;
  if (path !== undefined && !DESCRIPTOR_LINK.test(path)) {
    if (destination === undefined && file.type !== 'DELETE') known.see(file.identity, path);
    if (destination === undefined || file.type === 'DELETE') known.see(parent, posix.dirname(path));
    known.see(swapped?.identity, path);
  }
  if (destination === undefined || destPath === undefined) return;
  for (const { type, identity } of items) if (type === 'DELETE') known.forget(identity, destPath);
  if (swapped !== undefined) known.forgetBelow(destPath);
  known.see(destination.identity, destPath);
  known.see(parent, posix.dirname(destPath));
};
