import { readdirSync, readlinkSync } from 'node:fs';

/** What this process has open at a path or in it, as Linux tells it. */
export const openFilesIn = (path: string): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file === path || file.startsWith(`${path}/`) ? [file] : [];
    } catch {
      // The descriptor by which they were listed.
      return [];
    }
  });
