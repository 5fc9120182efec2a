import { readFileSync } from 'node:fs';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { bundledAsset } from '../runtime/bundled-asset.ts';
import { packTables } from './edit-packs.ts';
import type { ShippedFiles } from './plan-setup.ts';

/** Files of the project that are part of the program: in the executable by these names, else at these places. */
export const SHIPPED_FILES: ReadonlyMap<string, string> = new Map([
  ['osquery.flags', 'osquery.flags'],
  ...packTables.map(table => [`${table}.conf`, `tables/packs/${table}.conf`] as const),
]);

const read = (name: string): string => {
  if (isSea()) return new TextDecoder().decode(bundledAsset(name));
  return readFileSync(fileURLToPath(new URL(`../../${SHIPPED_FILES.get(name)}`, import.meta.url)), 'utf8');
};

/** The settings that come with the program. */
export const shippedFiles = (): ShippedFiles => ({
  flags: read('osquery.flags'),
  packs: new Map(packTables.map(table => [table, read(`${table}.conf`)])),
});
