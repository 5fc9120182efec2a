/** Lines that `npm ci` may print: how many packages, in which time, and that there is nothing to worry about. */
const EXPECTED = [
  /^(added|changed) \d+ packages?(, and audited \d+ packages?)? in (\d+m?s|\d+m( \d+s)?)$/,
  /^found 0 vulnerabilities$/,
  /^$/,
];

/** What `npm ci` printed that a newcomer would have to think about. */
export const unexpectedLines = (text: string): readonly string[] =>
  text.split('\n').filter(line => !EXPECTED.some(pattern => pattern.test(line.trim())));
