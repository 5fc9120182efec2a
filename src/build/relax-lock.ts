import { readFileSync, writeFileSync } from 'node:fs';

/*
 * `npm run lock`, after a change of dependencies: takes out of package-lock.json which Nodes optional packages want. npm
 * leaves out, without a word, optional packages that do not want the Node it runs on itself, such as vitest's native parts
 * on Debian 12's Node 18; but they run on the Node that npm installs here.
 */

const file = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
for (const entry of Object.values<{ optional?: boolean; engines?: unknown }>(lock.packages)) {
  if (entry.optional === true) delete entry.engines;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
