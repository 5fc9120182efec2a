/**
 * Text on its way to a reader. A row may hold anything that an attacker can put into a command line, so whatever
 * moves a terminal's cursor, reorders text or is invisible is escaped.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi marks and overrides, zero-width, tags), line and paragraph
 * separators, lone surrogates, and other characters that render as nothing.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const visible = (character: string): string => {
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.codePointAt(0)!;
  if (code < 0x100) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
};

/** Printable ASCII needs no further check. */
const PLAIN = /^[ -~]*$/;

/** One line of text with escapes for unsafe characters: `\n`, `\x1b`, `\u202e`. */
export const escapeForTerminal = (text: string): string =>
  PLAIN.test(text) ? text : text.replace(UNSAFE, visible);

/** Printable ASCII that needs no escape in JSON. */
const PLAIN_JSON = /^[ !#-[\]-~]*$/;

/** A JSON string. The same characters are written as `\uXXXX`, which any reader turns back. */
export const jsonString = (text: string): string => {
  if (PLAIN_JSON.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(UNSAFE, character =>
    [...Array(character.length).keys()].map(index => `\\u${hex(character.charCodeAt(index), 4)}`).join(''),
  );
};
