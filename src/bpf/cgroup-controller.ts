import { readFileSync } from 'node:fs';

/** The one of this host. */
export const legacyControllerOfHost = (path = '/proc/cgroups'): string | undefined => {
  try {
    return legacyController(readFileSync(path, 'utf8'));
  } catch {
    // A kernel without cgroups.
    return undefined;
  }
};

/**
 * A controller of cgroups version 1 that is in use, by /proc/cgroups: there each controller has the number of its hierarchy, which is
 * 0 for version 2.
 *
 * @returns the name of one in whose hierarchy runtimes put their containers; undefined if there is none
 */
export const legacyController = (text: string): string | undefined => {
  const mounted = new Set<string>();
  for (const line of text.split('\n')) {
    const [, name, hierarchy] = /^([a-z_]+)\t(\d+)\t\d+\t1$/.exec(line) ?? [];
    if (name !== undefined && hierarchy !== '0') mounted.add(name);
  }
  return CONTROLLERS.find(name => mounted.has(name));
};

/** Those that every runtime uses where they are mounted. */
const CONTROLLERS = ['pids', 'memory', 'devices', 'cpu', 'freezer'];
