/** Names of standard input, as a file to be replayed. */
export const STANDARD_INPUT: ReadonlySet<string> = new Set([
  '-',
  '/dev/stdin',
  '/dev/fd/0',
  '/proc/self/fd/0',
]);
