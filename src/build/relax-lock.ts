import { readFileSync, writeFileSync } from 'node:fs';

/**
 * `npm run lock`, after a change of dependencies: removes the Node versions that optional packages ask for from
 * package-lock.json. Without a message, npm skips optional packages that ask for a newer Node than the one npm runs
 * on: vitest's native parts, for example, on the Node 18 of Debian 12. But they run on the Node that npm installs
 * here.
 */

const file = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
for (const entry of Object.values<{ optional?: boolean; engines?: unknown }>(lock.packages)) {
  if (entry.optional === true) delete entry.engines;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
