/** One line of a file, as it is: others' lines go back byte by byte. */
export interface TextLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without the white space around it and the line's end. */
  readonly text: string;
  /** With everything. */
  readonly raw: string;
}

/**
 * The lines of a file whose bytes are the characters of `content` (`latin1`), so that nothing is lost of what is no
 * UTF-8. Line ends are LF or CRLF; the last line may lack one.
 */
export const textLines = (content: string): readonly TextLine[] =>
  (content.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw, index) => ({
    number: index + 1,
    text: raw.trim(),
    raw,
  }));

/** The end that lines of this file have. */
export const lineEnd = (content: string): '\r\n' | '\n' => (/^[^\n]*\r\n/.test(content) ? '\r\n' : '\n');

/** A file with lines added after its last one, which gets an end if it lacks one. */
export const appendLines = (content: string, lines: readonly string[]): string => {
  if (lines.length === 0) return content;
  const end = lineEnd(content);
  const start = content === '' || content.endsWith('\n') ? content : content + end;
  return start + lines.map(line => line + end).join('');
};

/** Text in the form that files have here: bytes as characters. */
export const bytesAsText = (text: string): string => Buffer.from(text).toString('latin1');
