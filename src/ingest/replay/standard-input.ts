/** Names of standard input, as files to be replayed. */
export const STANDARD_INPUT: ReadonlySet<string> = new Set([
  '-',
  '/dev/stdin',
  '/dev/fd/0',
  '/proc/self/fd/0',
]);
