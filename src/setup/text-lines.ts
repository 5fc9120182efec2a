/** One line of a file, unchanged, so that lines of others are written back byte by byte. */
export interface TextLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without white space around it and without the line's end. */
  readonly text: string;
  /** The whole line, with its end. */
  readonly raw: string;
}

/**
 * The lines of a file whose bytes are the characters of `content` (`latin1`), so that bytes that are not UTF-8
 * survive. Line ends are LF or CRLF; the last line may lack one.
 */
export const textLines = (content: string): readonly TextLine[] =>
  (content.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw, index) => ({
    number: index + 1,
    text: raw.trim(),
    raw,
  }));

/** The line end that this file uses. */
export const lineEnd = (content: string): '\r\n' | '\n' => (/^[^\n]*\r\n/.test(content) ? '\r\n' : '\n');

/** Adds lines at the end of a file. A last line without an end gets one. */
export const appendLines = (content: string, lines: readonly string[]): string => {
  if (lines.length === 0) return content;
  const end = lineEnd(content);
  const start = content === '' || content.endsWith('\n') ? content : content + end;
  return start + lines.map(line => line + end).join('');
};

/** Text in the form that files have here: bytes as characters. */
export const bytesAsText = (text: string): string => Buffer.from(text).toString('latin1');
