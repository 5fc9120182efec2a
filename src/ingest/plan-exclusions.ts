import { lstat, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Most programs that get rules of their own; events of further ones are dropped before a row is made. Measured on Linux 6.18, for each
 * program: 80 ns for each call that our rules name (execve, connect …), whoever makes it. Other calls cost nothing more with 8
 * programs, and 400 ns more with 64.
 */
export const MOST_EXE_RULES = 8;
/** Milliseconds for a file system's answer. */
const ANSWER_MS = 2_000;

/** What a path leads to. */
export interface ProgramFile {
  readonly isFile: boolean;
  readonly links: number;
  /** The path without symbolic links. */
  readonly realPath: string;
}

/** @returns undefined if there is nothing, or no answer */
export const hostProgram = async (path: string): Promise<ProgramFile | undefined> =>
  Promise.race([
    Promise.all([lstat(path), realpath(path)]).then(
      ([stats, realPath]) => ({ isFile: stats.isFile(), links: stats.nlink, realPath }),
      () => undefined,
    ),
    sleep(ANSWER_MS, undefined, { ref: false }),
  ]);

/**
 * The programs that the kernel can leave out. A rule means the file at a path, whatever its name, so the file must have no other name:
 * a symbolic link, as `/bin/sh` is, or a hard link would leave out more than was asked for.
 */
export const planExclusions = async (
  exes: readonly string[],
  look: (path: string) => Promise<ProgramFile | undefined> = hostProgram,
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const path of new Set(exes)) {
    if (found.length === MOST_EXE_RULES) break;
    const file = await look(path);
    if (file?.isFile === true && file.links === 1 && file.realPath === path) found.push(path);
  }
  return found;
};
