import { decodeText } from '../../audit/value.ts';

/** One line of `/proc/PID/mountinfo`. */
export interface Mount {
  readonly id: number;
  /**
   * Device number of the superblock. On btrfs and overlay it differs from stat(2)'s, but it is what audit records.
   */
  readonly major: number;
  readonly minor: number;
  readonly mountPoint: string;
  /** `ext4`, `nfs4`, `fuse.sshfs` … */
  readonly type: string;
  /** Options of the superblock: `rw,lowerdir=…,upperdir=…`; escaped like the mount point, and still escaped here. */
  readonly options: string;
}

/** Malformed lines, and an unfinished last line, are left out. Source: proc_pid_mountinfo(5). */
export const parseMountinfo = (bytes: Uint8Array): readonly Mount[] => {
  const lines = decodeText(bytes).split('\n');
  lines.pop();
  return lines.flatMap(line => {
    const match = /^(\d{1,9}) \d+ (\d{1,9}):(\d{1,9}) \S+ (\S+) \S+ (?:\S+ )*?- (\S+) \S+ (\S+)/.exec(line);
    if (match === null) return [];
    const [, id, major, minor, mountPoint, type, options] = match;
    return [
      {
        id: Number(id),
        major: Number(major),
        minor: Number(minor),
        mountPoint: unescapeOctal(mountPoint!),
        type: type!,
        options: options!,
      },
    ];
  });
};

/** Space, tab, newline and backslash are written as `\ooo`. */
export const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** `mnt_id` of `/proc/PID/fdinfo/FD`: the mount through which an open file was reached. */
export const parseMountId = (bytes: Uint8Array): number | undefined => {
  const match = /^mnt_id:\s*(\d{1,9})\n/m.exec(decodeText(bytes));
  return match === null ? undefined : Number(match[1]);
};
