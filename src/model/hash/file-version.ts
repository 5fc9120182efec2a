import type { BigIntStats } from 'node:fs';

/** What a file was at one moment. While the key is the same, so is the content, with one exception: see GRAIN_MS. */
export interface FileVersion {
  /** Device, inode, size, and times of change in nanoseconds. */
  readonly key: string;
  readonly dev: bigint;
  readonly inode: string;
  readonly size: number;
  /** Last change of content or attributes, in milliseconds since the epoch. Nobody can set it back. */
  readonly ctimeMs: number;
  /** Last change of content, unless somebody has set it. */
  readonly mtimeMs: number;
  /** Number of its names; 0 if it was deleted. */
  readonly links: number;
}

/**
 * File times and audit's timestamps advance in jiffies, at most 10 ms, and audit cuts to whole milliseconds. Two
 * changes within one jiffy may leave the same times, and a change may have the time of an event just before it.
 */
export const GRAIN_MS = 20;

/** @returns undefined for anything but a regular file: reading a device or a pipe has effects */
export const fileVersion = (stats: BigIntStats): FileVersion | undefined =>
  stats.isFile()
    ? {
        key: `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
        dev: stats.dev,
        inode: String(stats.ino),
        size: Number(stats.size),
        ctimeMs: Number(stats.ctimeNs) / 1e6,
        mtimeMs: Number(stats.mtimeNs) / 1e6,
        links: Number(stats.nlink),
      }
    : undefined;
