/**
 * Directories that exist on every host, are nearly empty, and are never removed. The rules for several watched directories are made
 * once, for one of these, and the kernel is told that the watched ones are equivalent to it. Each rule costs every system call of
 * the host some nanoseconds; this way many directories cost no more than one. There are two of them, so that the rules for changed
 * directories can be in place before the old rules are removed.
 */
export const WATCH_ANCHORS = ['/proc/driver', '/proc/fs'] as const;

/** Whether the kernel records events at this path only because it is an anchor. */
export const isBelowAnchor = (path: string): boolean =>
  WATCH_ANCHORS.some(anchor => `${path}/`.startsWith(`${anchor}/`));
