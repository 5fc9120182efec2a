/**
 * File systems that never wait for another machine or process, and that only root can mount, except those in memory.
 * All others may hang, and a call that hangs cannot be cancelled.
 */
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'jfs', 'reiserfs', 'bcachefs', 'nilfs2'],
  ...['ntfs3', 'hfsplus', 'vfat', 'exfat', 'udf', 'iso9660', 'squashfs', 'erofs', 'cramfs', 'romfs'],
  ...['tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'hugetlbfs', 'overlay', 'aufs'],
  ...['proc', 'sysfs', 'devpts', 'mqueue', 'nsfs', 'bpf', 'cgroup', 'cgroup2', 'securityfs', 'selinuxfs'],
  ...['debugfs', 'tracefs', 'configfs', 'pstore', 'efivarfs', 'binfmt_misc', 'fusectl', 'rpc_pipefs'],
]);

/** Mounted by the kernel's automounter; what it mounts appears as a separate mount. */
const AUTOFS = 'autofs';

/** Whether a file system of the host answers without another machine or process. */
export const isLocal = (type: string): boolean => LOCAL_TYPES.has(type) || type === AUTOFS;

/**
 * File systems that change a file's times with its content, in whatever way it is written (mapped pages are
 * write-protected until the file's times were set); or that nobody can write to.
 */
const TIMED_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'reiserfs', 'bcachefs', 'nilfs2'],
  ...['squashfs', 'erofs', 'iso9660', 'cramfs', 'romfs'],
]);

/** File systems of the network and of the hypervisor: their servers set times, and root chooses the servers. */
const REMOTE_TYPES: ReadonlySet<string> = new Set([
  ...['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'virtiofs', 'ceph', 'afs', 'gfs2', 'ocfs2', 'lustre', 'vboxsf'],
]);

/**
 * What a file's times say about its content.
 * - `timed`: the same times, the same content
 * - `untimed`: content can change while the times stay (tmpfs, ramfs, zfs, and unknown ones)
 * - `untold`: the server can give each reader something else (FUSE)
 */
export type Timing = 'timed' | 'untimed' | 'untold';

export const timingOf = (type: string): Timing => {
  if (TIMED_TYPES.has(type) || REMOTE_TYPES.has(type)) return 'timed';
  return /^fuse(?:blk)?(?:\.|$)/.test(type) ? 'untold' : 'untimed';
};

/** statfs(2)'s numbers of writable file systems whose times tell. Source: linux/magic.h. */
const TIMED_MAGICS: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
]);

/** @param magic sign-extended on some systems */
export const isTimedMagic = (magic: number): boolean => TIMED_MAGICS.has(magic >>> 0);
