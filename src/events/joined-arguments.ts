/**
 * A command line and its arguments have the same content. A row holds the command line, and only that part of the
 * arguments that does not follow from it:
 *
 * - nothing, if no argument contains a space: splitting at spaces gives the arguments
 * - else their lengths in UTF-16 units, `4,2,15`
 * - a JSON array, in rows of earlier versions, and for an empty list
 */

/** What a row holds of the arguments besides the command line, in which they are joined by spaces. */
export const argumentsBeside = (argv: readonly string[]): string | undefined => {
  if (argv.length === 0) return '[]';
  for (const argument of argv) if (argument.includes(' ')) return argv.map(({ length }) => length).join(',');
  return undefined;
};

const OPENING_BRACKET = 0x5b;

/**
 * The arguments as a JSON array.
 *
 * @param beside as `argumentsBeside` returned it
 * @returns undefined if the two do not fit together
 */
export const argumentsOf = (commandLine: string, beside: string | undefined): string | undefined => {
  if (beside === undefined) return JSON.stringify(commandLine.split(' '));
  if (beside.charCodeAt(0) === OPENING_BRACKET) return beside;
  const argv: string[] = [];
  let at = 0;
  for (const text of beside.split(',')) {
    const length = Number(text);
    if (!Number.isSafeInteger(length) || length < 0) return undefined;
    argv.push(commandLine.slice(at, at + length));
    at += length + 1;
  }
  return at === commandLine.length + 1 ? JSON.stringify(argv) : undefined;
};
