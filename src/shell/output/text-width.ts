import stringWidth from 'string-width';

const PLAIN = /^[ -~]*$/;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Width of a text in columns of a terminal. The text must not have control characters. */
export const textWidth = (text: string): number =>
  PLAIN.test(text) ? text.length : stringWidth(text, { countAnsiEscapeCodes: true });

/** The text, padded with blanks to the width. */
export const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - textWidth(text)));

/** The text, padded with blanks on the left to the width. */
export const padStart = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - textWidth(text))) + text;

/** As much of the text as fits into the width. */
export const cutToWidth = (text: string, width: number): string => {
  if (PLAIN.test(text)) return text.slice(0, width);
  let cut = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += textWidth(segment);
    if (used > width) return cut;
    cut += segment;
  }
  return cut;
};
