import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/*
 * What npm 9 of Debian 12 and 13 refuses in `npm ci`, and newer ones put up with.
 */

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const lock = read('package-lock.json');
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

test.each(['', 'src/osquery-extension-ts'])('the lock file knows what "%s" depends on', workspace => {
  const manifest = read(workspace === '' ? 'package.json' : `${workspace}/package.json`);
  const locked = lock.packages[workspace];
  for (const kind of KINDS) expect(locked[kind] ?? {}, kind).toEqual(manifest[kind] ?? {});
});

test('no peer is asked for by a range that its locked version, a preview to npm, is not in', () => {
  const { peerDependencies = {} } = read('src/osquery-extension-ts/package.json');
  for (const [name, range] of Object.entries(peerDependencies)) {
    const { version } = lock.packages[`node_modules/${name}`];
    // Versions with a dash are in no range but their own and "*".
    if (version.includes('-')) expect([version, '*'], name).toContain(range);
  }
});

test('no optional package is left out for the Node that npm itself runs on: npm run lock', () => {
  const picky = Object.entries<{ optional?: boolean; engines?: unknown }>(lock.packages)
    .filter(([, { optional, engines }]) => optional === true && engines !== undefined)
    .map(([path]) => path);
  expect(picky).toEqual([]);
});
