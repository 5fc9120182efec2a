import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that differ in their last bytes, which nothing reads. @returns sha256 by path */
export const makeBinaries = (directory: string, count: number): ReadonlyMap<string, string> =>
  new Map(
    Array.from({ length: count }, (_, i) => {
      const path = join(directory, `program-${i}`);
      copyFileSync('/bin/true', path);
      writeFileSync(path, `${i}`, { flag: 'a' });
      return [path, createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
