/**
 * SQLite's LIKE: `%` is any run of characters, `_` any one character, and ASCII letters compare without case.
 *
 * It backtracks only to the last `%`, so a pattern of many `%` costs at most length × pattern.
 */
export const likeMatcher = (pattern: string): ((text: string) => boolean) => {
  const wanted = Array.from(pattern, foldAscii);
  return text => {
    const characters = Array.from(text, foldAscii);
    let at = 0;
    let p = 0;
    let retryPattern = -1;
    let retryAt = 0;
    while (at < characters.length) {
      if (wanted[p] === '%') {
        retryPattern = ++p;
        retryAt = at;
      } else if (p < wanted.length && (wanted[p] === '_' || wanted[p] === characters[at])) {
        p++;
        at++;
      } else if (retryPattern >= 0) {
        p = retryPattern;
        at = ++retryAt;
      } else {
        return false;
      }
    }
    while (wanted[p] === '%') p++;
    return p === wanted.length;
  };
};

const foldAscii = (character: string): string =>
  character >= 'A' && character <= 'Z' ? character.toLowerCase() : character;
