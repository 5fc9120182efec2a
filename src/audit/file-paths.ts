import { posix } from 'node:path';
import type { FileCall } from './file-calls.ts';
import type { KnownFiles } from './known-files.ts';
import type { PathItem } from './path-item.ts';

export interface FileContext {
  readonly known: KnownFiles;
  /**
   * The directory that a process has open, if it is the one with that inode.
   *
   * @returns its path; undefined if it cannot be told
   */
  readonly openDirectory: (pid: number, descriptor: number, inode: string) => string | undefined;
}

/** One call, as far as its paths depend on it. */
export interface PathCall {
  readonly pid: number;
  readonly cwd: string | undefined;
  /** The first four arguments; of what is done through io_uring none is recorded. */
  readonly args: readonly (number | undefined)[];
}

/** What a call was done to. */
export interface Located {
  readonly file: PathItem;
  readonly path: string | undefined;
  readonly destination?: PathItem | undefined;
  readonly destPath?: string | undefined;
  /** What was at the new name, and is at the old one now. */
  readonly swapped?: PathItem | undefined;
  /** Whether a path is not known. */
  readonly isPartial: boolean;
}

/** In place of a descriptor: the working directory. Source: linux/fcntl.h. */
const AT_FDCWD = 0xffff_ff9c;

/** Of what a process has open; a name like that is none of a file. */
const DESCRIPTOR_LINK = /^\/proc\/(?:self|thread-self|\d+)\/fd\/\d+$/;

const absolute = (name: string, directory: string): string =>
  withoutSlash(posix.normalize(name.startsWith('/') ? name : `${directory}/${name}`));

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/**
 * The paths of one event, by its PATH records: absolute as they are, relative ones behind the working directory, or behind the
 * directory that was given as a descriptor where that is known. What is not known is not guessed.
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

  /** @param targets the items that are no directories around; one at least */
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
    // Of a file that is replaced there is a DELETE of the new name, too; of two that change places, two of both.
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
    // A file that never had a name (O_TMPFILE) gets one: all that can be known is there.
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
    // What a link says is seen from where the link is.
    const path =
      text === undefined || destPath === undefined ? text : absolute(text, posix.dirname(destPath));
    const isPartial = text === undefined || destPath === undefined;
    return { file: to, path, destination: to, destPath, isPartial };
  }

  /** A path that says itself where it is; undefined where that depends on a descriptor, or on what is known of inodes. */
  #plain({ name }: PathItem, directory: number | undefined): string | undefined {
    if (name?.startsWith('/')) return absolute(name, '/');
    const { cwd, args } = this.#call;
    const isOfCwd = directory === undefined || args[directory] === AT_FDCWD;
    return isOfCwd && name !== undefined && cwd !== undefined ? absolute(name, cwd) : undefined;
  }

  /**
   * @param directory the argument that says where a relative path begins
   * @param other the other path of the call, as far as known
   */
  #of(item: PathItem, directory: number | undefined, other?: string): string | undefined {
    const { name, identity } = item;
    const { known } = this.#context;
    const plain = this.#plain(item, directory);
    if (plain !== undefined) return DESCRIPTOR_LINK.test(plain) ? (known.pathOf(identity) ?? plain) : plain;
    // What is there only now has no path that it was seen by.
    const seen = item.type === 'CREATE' ? undefined : known.pathOf(identity);
    // An empty path is that of the descriptor itself.
    if (name === undefined || name === '') return seen;
    const descriptor = directory === undefined ? AT_FDCWD : this.#call.args[directory];
    if (descriptor === AT_FDCWD) return undefined;
    const base = this.#directoryOf(descriptor, name, other);
    if (base !== undefined) return absolute(name, base);
    return seen !== undefined && posix.basename(seen) === posix.basename(name) ? seen : undefined;
  }

  /** The directory behind a descriptor, by the inode of the directory that the file is in. */
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
   * The directory that a file is in. Which comes first of the two that a rename can have, depends on the compiler of the kernel: it
   * is told by the one that is the other path's. undefined if it cannot be told.
   */
  #parentOf(other: string | undefined): PathItem | undefined {
    const [first, ...more] = this.#parents;
    if (more.length === 0 || other === undefined) return more.length === 0 ? first : undefined;
    const directory = posix.dirname(other);
    const rest = this.#parents.filter(({ identity }) => this.#context.known.pathOf(identity) !== directory);
    return rest.length === 1 && more.length === 1 ? rest[0] : undefined;
  }
}

/** The directories around, each once. */
const parentsOf = (items: readonly PathItem[]): readonly PathItem[] => {
  const parents = items.filter(({ type }) => type === 'PARENT');
  return parents.filter(
    ({ identity }, index) => parents.findIndex(each => each.identity === identity) === index,
  );
};

/** Takes in what an event says of paths. */
export const rememberPaths = (
  { file, path, destination, destPath, swapped, isPartial }: Located,
  items: readonly PathItem[],
  known: KnownFiles,
): void => {
  // An inode that was another's, or is at a name that is not known, has no path that it was seen by.
  for (const { type, identity } of items) if (type === 'CREATE') known.drop(identity);
  if (file.type === 'DELETE' && path !== undefined) {
    known.forget(file.identity, path);
    if (destination !== undefined) known.forgetBelow(path);
  }
  if (isPartial) return;
  // Of two it cannot be told which is which.
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
