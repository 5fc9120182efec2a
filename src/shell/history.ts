/** The statements and commands typed at the shell, kept in a file that only its user can read. */
import {
  appendFileSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
} from 'node:fs';

/** Entries kept. The file is cut when it holds twice as many. */
export const MAX_HISTORY_ENTRIES = 1_000;
/** Characters of the longest entry that is kept. */
export const MAX_ENTRY_LENGTH = 64 * 1024;
const MAX_HISTORY_BYTES = 4 * 1024 * 1024;

export interface History {
  /** Newest first, as node:readline wants them; a statement over several lines is one entry. */
  readonly entries: readonly string[];
  readonly add: (entry: string) => void;
  readonly close: () => void;
}

const NONE: History = { entries: [], add: () => {}, close: () => {} };

/** Stands for the end of a line within an entry, which is one line of the file. psql's history has the same. */
const NEWLINE = '\u0001';

/**
 * Opens or makes the file with mode 0600. If the file does not belong to this user, it is left alone and no history
 * is kept.
 */
export const openHistory = (path: string): History => {
  let file: number;
  try {
    // A link could make root write into another user's file.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    file = openSync(path, flags, 0o600);
  } catch {
    return NONE;
  }
  try {
    const facts = fstatSync(file);
    if (
      !facts.isFile() ||
      facts.uid !== process.geteuid?.() ||
      facts.nlink > 1 ||
      facts.size > MAX_HISTORY_BYTES
    ) {
      closeSync(file);
      return NONE;
    }
    fchmodSync(file, 0o600);
    let lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => line !== '');
    if (lines.length > 2 * MAX_HISTORY_ENTRIES) {
      lines = lines.slice(-MAX_HISTORY_ENTRIES);
      // By the descriptor: the name may lead to another file by now.
      ftruncateSync(file);
      appendFileSync(file, `${lines.join('\n')}\n`);
    }
    let last = lines.at(-1);
    return {
      entries: lines
        .slice(-MAX_HISTORY_ENTRIES)
        .reverse()
        .map(line => line.replaceAll(NEWLINE, '\n')),
      add: entry => {
        const line = entry.replaceAll(NEWLINE, '').replaceAll('\n', NEWLINE);
        if (line.trim() === '' || line.length > MAX_ENTRY_LENGTH || line === last) return;
        last = line;
        try {
          appendFileSync(file, `${line}\n`);
        } catch {
          // A full disk must not end the shell.
        }
      },
      close: () => closeSync(file),
    };
  } catch {
    closeSync(file);
    return NONE;
  }
};
