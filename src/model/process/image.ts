import type { DigestSlot } from '../hash/digests.ts';

/** Longest command line that is kept for a process's children to show, in characters. */
export const MAX_KEPT_COMMAND_LINE = 4096;

/** What a process runs from one exec to the next. Children that do not exec share it with their parent. */
export interface Image extends DigestSlot {
  /** As its source gave it; ` (deleted)` at the end means that the file no longer has a name. */
  readonly path: string | undefined;
  /** Last part of the path or, without a path, the name of the thread. */
  readonly name: string | undefined;
  /** Arguments joined by a space, cut to MAX_KEPT_COMMAND_LINE. */
  commandLine: string | undefined;
  /** When it was executed, in milliseconds since the epoch; undefined if that was before this program started. */
  readonly execMs: number | undefined;
  /**
   * Which exec of its process it is, in the process connector's count; 0 for what ran before. undefined if the
   * connector did not report it.
   */
  readonly exec: number | undefined;
  /** What the process ran before, for children forked from it; a few steps at most. */
  previous: Image | undefined;
  /** Set once its command line was asked for. */
  isFilledIn: Promise<void> | undefined;
}

export interface ImageFacts {
  readonly path: string | undefined;
  readonly comm: string | undefined;
  readonly argv: readonly string[] | undefined;
  readonly execMs: number | undefined;
  readonly exec: number | undefined;
}

export const createImage = ({ path, comm, argv, execMs, exec }: ImageFacts): Image => ({
  path,
  name: processName(path, comm),
  commandLine: argv === undefined ? undefined : cut(joinArgv(argv)),
  execMs,
  exec,
  previous: undefined,
  isFilledIn: undefined,
  digests: undefined,
  askAgainMs: undefined,
});

/** Adds what was not known when it was made. */
export const fillIn = (image: Image, argv: readonly string[]): void => {
  image.commandLine = cut(joinArgv(argv));
};

/** Arguments joined by a space, as in `cmdline` of process_events; the exact form is the argv itself. */
export const joinArgv = (argv: readonly string[]): string => argv.join(' ');

/** The file's own name: that of a script's interpreter for a script. */
export const processName = (path: string | undefined, comm: string | undefined): string | undefined => {
  if (path === undefined || path === '') return comm;
  const plain = withoutDeleted(path);
  return plain.slice(plain.lastIndexOf('/') + 1) || comm;
};

const DELETED = ' (deleted)';

/** The kernel ends the path of a file without a name with this mark. */
export const isDeleted = (path: string): boolean => path.endsWith(DELETED);

export const withoutDeleted = (path: string): string =>
  isDeleted(path) ? path.slice(0, -DELETED.length) : path;

const cut = (text: string): string => {
  if (text.length <= MAX_KEPT_COMMAND_LINE) return text;
  // Not between the halves of a surrogate pair: half of one is not text.
  const last = text.charCodeAt(MAX_KEPT_COMMAND_LINE - 1);
  const length = last >= 0xd800 && last <= 0xdbff ? MAX_KEPT_COMMAND_LINE - 1 : MAX_KEPT_COMMAND_LINE;
  // A copy, because a slice of a string keeps the whole string alive.
  return Buffer.from(text.slice(0, length)).toString();
};
