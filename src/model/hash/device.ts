/** A device number in both notations. */

/**
 * audit's `major:minor`, in hexadecimal, as decimal text.
 *
 * @returns undefined unless it is two hexadecimal numbers
 */
export const parseAuditDevice = (dev: string): string | undefined => {
  const match = /^([0-9a-f]{1,8}):([0-9a-f]{1,8})$/i.exec(dev);
  return match === null ? undefined : `${Number.parseInt(match[1]!, 16)}:${Number.parseInt(match[2]!, 16)}`;
};

/**
 * `major:minor` in decimal of `st_dev` as stat(2) packs it: on Linux 12 + 20 bits, the rest above (makedev(3)); on
 * macOS 8 + 24 bits (sys/types.h).
 */
export const statDevice = (dev: bigint, platform: NodeJS.Platform = process.platform): string => {
  if (platform === 'darwin') return `${(dev >> 24n) & 0xffn}:${dev & 0xffffffn}`;
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
};
