import { CodedError } from '../runtime/coded-error.ts';

/**
 * - `unknown-flag`: no such flag
 * - `bad-value`: the flag exists, its value does not fit
 * - `missing-value`: a flag that needs a value is the last argument
 * - `flagfile`: a flagfile cannot be read, is too large, or includes too deeply
 * - `usage`: each flag is right, but together they do not fit the command
 */
export type FlagErrorCode = 'unknown-flag' | 'bad-value' | 'missing-value' | 'flagfile' | 'usage';

/** The user typed something wrong. The message is one line: where, what, why, what to do. */
export class FlagError extends CodedError<FlagErrorCode> {
  override readonly name = 'FlagError';
}

/** Longest piece of the user's own text that a message repeats, in UTF-16 units. */
export const MAX_QUOTED_TEXT = 80;

/**
 * The user's text for a message: quoted, on one line, with invisible characters escaped, so that a pasted no-break
 * space or line separator can be seen.
 */
export const quoteText = (text: string): string => {
  const shown = text.length > MAX_QUOTED_TEXT ? `${text.slice(0, MAX_QUOTED_TEXT)}…` : text;
  return `"${shown.replace(/["\\]|\p{C}|(?! )\p{Z}/gu, character =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )}"`;
};
