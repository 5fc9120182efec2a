/*
 * A command line and its arguments have the same content. A row holds the command line, and of the arguments only what does not
 * follow from it:
 *
 * - nothing where no argument has a space in it: they are what stands between the spaces
 * - else their lengths in UTF-16 units, `4,2,15`
 * - a JSON array, as rows of earlier versions have it, and for an empty list
 */

/** What a row holds of its arguments besides the command line, which is them with a space between each two. */
export const argumentsBeside = (argv: readonly string[]): string | undefined => {
  if (argv.length === 0) return '[]';
  for (const argument of argv) if (argument.includes(' ')) return argv.map(({ length }) => length).join(',');
  return undefined;
};

const OPENING_BRACKET = 0x5b;

/**
 * The arguments as a JSON array.
 *
 * @param beside as `argumentsBeside` gave it
 * @returns undefined where the two do not fit together
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
