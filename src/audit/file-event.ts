import { posix } from 'node:path';
import type { FileEvent } from './audit-event.ts';
import { AUDIT_CWD, AUDIT_OPENAT2, AUDIT_PATH, AUDIT_SYSCALL } from './constants.ts';
import { firstOf, type RecordGroup } from './correlator.ts';
import { readCwd } from './cwd.ts';
import { type FileCall, type FileOperation, fileCall } from './file-calls.ts';
import type { KnownFiles } from './known-files.ts';
import { type PathItem, readPathItem } from './path-item.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { FILES_KEY } from './rule-keys.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { readText } from './value.ts';

export interface FileContext {
  readonly known: KnownFiles;
  /**
   * The directory that a process has open under a descriptor, if it has this inode.
   *
   * @returns its path; undefined if it cannot be determined
   */
  readonly openDirectory: (pid: number, descriptor: number, inode: string) => string | undefined;
}

export type FileReading =
  | { readonly kind: 'event'; readonly event: FileEvent }
  /** A record is missing without which nothing can be said about a file. */
  | { readonly kind: 'incomplete' };

const INCOMPLETE: FileReading = { kind: 'incomplete' };

/** Instead of a descriptor: the working directory. Source: linux/fcntl.h. */
const AT_FDCWD = 0xffff_ff9c;
/** Source: asm-generic/fcntl.h. Of these two, only O_TRUNC differs between architectures. */
const O_ACCMODE = 0o3;
const O_TRUNC = 0o1000;

/**
 * Makes the event of a call that opens or changes a file. Its paths come from its PATH records: absolute ones
 * unchanged; relative ones resolved against the working directory or, if a descriptor was given, against that
 * directory if it is known. Unknown paths are not guessed: the event is then partial and has the name as recorded.
 * Source of the records' order: audit_log_exit in kernel/auditsc.c; fs/namei.c.
 */
export const readFileEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  context: FileContext,
): FileReading => {
  const call = fileCall(syscall.name);
  const items: PathItem[] = [];
  for (const record of group.records) {
    if (record.type !== AUDIT_PATH) continue;
    const item = readPathItem(record);
    if (item !== undefined && !items.some(each => each.item === item.item)) items.push(item);
  }
  items.sort((a, b) => a.item - b.item);
  const targets = items.filter(({ type }) => type !== 'PARENT');
  if (call === undefined || targets.length === 0) return INCOMPLETE;
  const cwdRecord = firstOf(group, AUDIT_CWD);
  const cwd = cwdRecord && readCwd(cwdRecord);
  const paths = new Paths(syscall, cwd, items, context);
  const located = locate(call, targets, paths);
  remember(located, items, context.known);
  const operation = call.operation ?? openOperation(group, syscall, call, targets);
  return { kind: 'event', event: fileEvent(group, syscall, { operation, cwd, ...located }) };
};

interface Located {
  readonly file: PathItem;
  readonly path: string | undefined;
  readonly destination?: PathItem | undefined;
  readonly destPath?: string | undefined;
  /** Whether a path is unknown. */
  readonly isPartial: boolean;
}

const locate = (call: FileCall, targets: readonly PathItem[], paths: Paths): Located => {
  const last = targets.at(-1)!;
  const [first] = targets as readonly [PathItem, ...PathItem[]];
  switch (call.operation) {
    case 'rename': {
      // If a file is replaced, there is a DELETE record of the new name, too.
      const from = targets.find(({ type }) => type === 'DELETE') ?? first;
      const to = targets.findLast(({ type }) => type === 'CREATE') ?? last;
      return paths.pair({ file: from, path: paths.of(from, call.directory, 0) }, to, call.secondDirectory);
    }
    case 'link': {
      const to = targets.findLast(({ type }) => type === 'CREATE') ?? last;
      return paths.pair({ file: first, path: paths.of(first, call.directory) }, to, call.secondDirectory, 0);
    }
    case 'symlink': {
      const to = targets.findLast(({ type }) => type === 'CREATE') ?? last;
      const destPath = paths.of(to, call.secondDirectory, 0);
      const text = targets.find(item => item !== to)?.name;
      // The target of a link is relative to the link's directory.
      const path =
        text === undefined || destPath === undefined ? text : absolute(text, posix.dirname(destPath));
      const isPartial = text === undefined || destPath === undefined;
      return { file: to, path, destination: to, destPath, isPartial };
    }
    default: {
      const path = paths.of(last, call.directory, 0);
      return { file: last, path: path ?? last.name, isPartial: path === undefined };
    }
  }
};

const absolute = (name: string, directory: string): string =>
  withoutSlash(posix.normalize(name.startsWith('/') ? name : `${directory}/${name}`));

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/** The paths of one event. */
class Paths {
  readonly #syscall: SyscallRecord;
  readonly #cwd: string | undefined;
  readonly #parents: readonly PathItem[];
  readonly #context: FileContext;

  constructor(
    syscall: SyscallRecord,
    cwd: string | undefined,
    items: readonly PathItem[],
    context: FileContext,
  ) {
    this.#syscall = syscall;
    this.#cwd = cwd;
    this.#parents = items.filter(({ type }) => type === 'PARENT');
    this.#context = context;
  }

  /**
   * @param directory index of the argument from which a relative path starts
   * @param parent place of the file's directory among the PARENT records
   */
  of(item: PathItem, directory: number | undefined, parent?: number): string | undefined {
    const { name } = item;
    if (name === undefined) return this.#context.known.pathOf(item.identity);
    if (name.startsWith('/')) return absolute(name, '/');
    const descriptor = directory === undefined ? AT_FDCWD : this.#argument(directory);
    if (descriptor === AT_FDCWD) return this.#cwd === undefined ? undefined : absolute(name, this.#cwd);
    // An empty path stands for the descriptor itself.
    if (name === '') return this.#context.known.pathOf(item.identity);
    const base = this.#directoryOf(
      descriptor,
      name,
      parent === undefined ? undefined : this.#parents[parent],
    );
    if (base !== undefined) return absolute(name, base);
    const known = this.#context.known.pathOf(item.identity);
    return known !== undefined && posix.basename(known) === posix.basename(name) ? known : undefined;
  }

  /** @param parent place of the destination's directory among the PARENT records; the last one if there are fewer */
  pair(
    { file, path }: Pick<Located, 'file' | 'path'>,
    destination: PathItem,
    directory: number | undefined,
    parent = 1,
  ): Located {
    const destPath = this.of(destination, directory, Math.min(parent, this.#parents.length - 1));
    return {
      file,
      path: path ?? file.name,
      destination,
      destPath: destPath ?? destination.name,
      isPartial: path === undefined || destPath === undefined,
    };
  }

  #argument(index: number): number | undefined {
    const { a0, a1, a2, a3 } = this.#syscall;
    return [a0, a1, a2, a3][index];
  }

  /** The directory behind a descriptor, identified by the inode of the file's directory. */
  #directoryOf(
    descriptor: number | undefined,
    name: string,
    parent: PathItem | undefined,
  ): string | undefined {
    if (descriptor === undefined || parent?.inode === undefined) return undefined;
    const inner = posix.dirname(name);
    const known = this.#context.known.pathOf(parent.identity);
    if (inner === '.') {
      return known ?? this.#context.openDirectory(this.#syscall.pid, descriptor, parent.inode);
    }
    return known?.endsWith(`/${inner}`) ? known.slice(0, -inner.length - 1) || '/' : undefined;
  }
}

/** Remembers the paths of an event. */
const remember = (
  { file, path, destination, destPath, isPartial }: Located,
  items: readonly PathItem[],
  known: KnownFiles,
): void => {
  if (isPartial || path === undefined) return;
  const parents = items.filter(({ type }) => type === 'PARENT');
  if (destination === undefined) {
    if (file.type === 'DELETE') known.forget(file.identity, path);
    else known.see(file.identity, path);
    known.see(parents[0]?.identity, posix.dirname(path));
    return;
  }
  if (destPath === undefined) return;
  if (file.type === 'DELETE') {
    known.forget(file.identity, path);
    known.see(parents[0]?.identity, posix.dirname(path));
    known.forgetBelow(path);
  }
  known.see(destination.identity, destPath);
  known.see(parents.at(-1)?.identity, posix.dirname(destPath));
};

const openOperation = (
  group: RecordGroup,
  { a1, a2 }: SyscallRecord,
  call: FileCall,
  targets: readonly PathItem[],
): FileOperation => {
  const flags = call.flags === undefined ? openat2Flags(group) : call.flags === 1 ? a1 : a2;
  const isCreated = targets.some(({ type }) => type === 'CREATE');
  // If the flags are unknown, it does not count as an access.
  if (flags === undefined) return 'open';
  if ((flags & O_ACCMODE) === 0) return isCreated ? 'open' : 'read';
  return (flags & O_TRUNC) === 0 ? 'write' : 'open+truncate';
};

const OFLAG = keyHash('oflag');
const KEY = keyHash('key');
const cursor = new FieldCursor();

/** From `oflag=0100001 mode=0644 resolve=0x0`. Source: audit_log_openat2_how in kernel/auditsc.c. */
const openat2Flags = (group: RecordGroup): number | undefined => {
  const record = firstOf(group, AUDIT_OPENAT2);
  if (record === undefined) return undefined;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key !== OFLAG) continue;
    const text = cursor.bytes.toString('latin1', cursor.valueStart, cursor.valueEnd);
    return /^[0-7]{1,10}$/.test(text) ? Number.parseInt(text, 8) : undefined;
  }
  return undefined;
};

/** Whether the kernel recorded a call because of one of our rules for files. */
const hasFilesKey = (record: AuditRecord): boolean => {
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (cursor.key === KEY) return readText(cursor) === FILES_KEY;
  return false;
};

const fileEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  own: Pick<FileEvent, 'operation' | 'cwd' | 'path' | 'isPartial'> & {
    readonly file: PathItem;
    readonly destPath?: string | undefined;
  },
): FileEvent => ({
  kind: 'file',
  seconds: group.seconds,
  milliseconds: group.milliseconds,
  serial: group.serial,
  node: undefined,
  names: undefined,
  operation: own.operation,
  syscall: syscall.name,
  exit: syscall.exit,
  path: own.path,
  destPath: own.destPath,
  isPartial: own.isPartial,
  isSelected: hasFilesKey(firstOf(group, AUDIT_SYSCALL)!),
  cwd: own.cwd,
  inode: own.file.inode,
  mode: own.file.mode,
  ownerUid: own.file.ouid,
  ownerGid: own.file.ogid,
  pid: syscall.pid,
  ppid: syscall.ppid,
  auid: syscall.auid,
  uid: syscall.uid,
  gid: syscall.gid,
  euid: syscall.euid,
  egid: syscall.egid,
  suid: syscall.suid,
  sgid: syscall.sgid,
  fsuid: syscall.fsuid,
  fsgid: syscall.fsgid,
  ses: syscall.ses,
  tty: syscall.tty,
  comm: syscall.comm,
  exe: syscall.exe,
});
