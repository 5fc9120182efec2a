/*
 * Makes package.json what others get, before the package is packed, and puts it back afterwards (`--restore`): without the
 * ways to the sources, which are not in it, and without the dependencies that dist/ contains.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../package.json', import.meta.url));
const kept = `${path}.kept`;

if (process.argv.includes('--restore')) {
  if (existsSync(kept)) renameSync(kept, path);
} else {
  const text = readFileSync(path, 'utf8');
  const {
    scripts: _scripts,
    dependencies: _dependencies,
    ...manifest
  } = JSON.parse(text) as Record<string, unknown>;
  const exports = Object.entries(manifest.exports as Record<string, string | Record<string, unknown>>).map(
    ([name, conditions]) => {
      if (typeof conditions === 'string') return [name, conditions];
      const { source: _source, ...others } = conditions;
      return [name, others];
    },
  );
  writeFileSync(kept, text);
  writeFileSync(
    path,
    `${JSON.stringify({ ...manifest, exports: Object.fromEntries(exports) }, undefined, 2)}\n`,
  );
}
