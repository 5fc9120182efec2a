/** Bytes of one flagfile. */
export const MAX_FLAGFILE_BYTES = 1 << 20;
/** A flagfile named on the command line is at depth 1, one that it names at depth 2. */
export const MAX_FLAGFILE_DEPTH = 8;
/** Flagfiles read in one run, nested ones included, because nesting alone could double them at each level. */
export const MAX_FLAGFILES = 64;

export interface FlagfileLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without the white space around it; never empty, never a comment. */
  readonly text: string;
}

/** The lines of a flagfile that are not empty and no comments. Line ends may be LF, CRLF or CR. */
export const flagfileLines = (content: string): readonly FlagfileLine[] => {
  const lines: FlagfileLine[] = [];
  const withoutMark = content.startsWith('\ufeff') ? content.slice(1) : content;
  for (const [index, line] of withoutMark.split(/\r\n|\n|\r/).entries()) {
    const text = line.trim();
    if (text !== '' && !text.startsWith('#')) lines.push({ number: index + 1, text });
  }
  return lines;
};
