/** Writes the parts of the documentation that are made from the code: `npm run pages`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pagesOf } from './pages.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
for (const [path, page] of pagesOf(root)) writeFileSync(join(root, path), page);
