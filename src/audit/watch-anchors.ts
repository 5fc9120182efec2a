/**
 * Directories that are there on every host, have next to nothing in them and are never removed. The rules for several watched
 * directories are made once, for one of these, and the kernel is told that the others are equivalent to it: each rule costs
 * every system call of the host some nanoseconds, and so many directories cost no more than one. Two of them, so that the rules
 * for another choice of directories can be put in place before those for the last one are removed.
 */
export const WATCH_ANCHORS = ['/proc/driver', '/proc/fs'] as const;

/** Whether the kernel records what is done there only because of that. */
export const isBelowAnchor = (path: string): boolean =>
  WATCH_ANCHORS.some(anchor => `${path}/`.startsWith(`${anchor}/`));
