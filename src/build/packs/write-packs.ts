/** `npm run packs`: writes the packs of osquery and Fleet from tables/detections. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writtenPacks } from './written-packs.ts';

for (const [name, text] of writtenPacks()) {
  const path = fileURLToPath(new URL(`../../../${name}`, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
