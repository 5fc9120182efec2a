/**
 * Filesystems that never wait for another machine or another process, and that only root can mount, but for those in
 * memory. All others may hang, and a call that hangs cannot be taken back.
 */
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'jfs', 'reiserfs', 'bcachefs', 'nilfs2'],
  ...['ntfs3', 'hfsplus', 'vfat', 'exfat', 'udf', 'iso9660', 'squashfs', 'erofs', 'cramfs', 'romfs'],
  ...['tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'hugetlbfs', 'overlay', 'aufs'],
  ...['proc', 'sysfs', 'devpts', 'mqueue', 'nsfs', 'bpf', 'cgroup', 'cgroup2', 'securityfs', 'selinuxfs'],
  ...['debugfs', 'tracefs', 'configfs', 'pstore', 'efivarfs', 'binfmt_misc', 'fusectl', 'rpc_pipefs'],
]);

/** Mounted by the kernel's automounter; what it mounts shows as a mount of its own. */
const AUTOFS = 'autofs';

/** Whether a file system of the host answers on its own. */
export const isLocal = (type: string): boolean => LOCAL_TYPES.has(type) || type === AUTOFS;

/**
 * Filesystems that change a file's times with its content, whatever way it is written by: pages that are mapped are
 * write-protected until their file's times have been set. Or that nobody can write to.
 */
const TIMED_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'reiserfs', 'bcachefs', 'nilfs2'],
  ...['squashfs', 'erofs', 'iso9660', 'cramfs', 'romfs'],
]);

/** File systems of the network, and of the hypervisor: their servers set times, and are root's to choose. */
const REMOTE_TYPES: ReadonlySet<string> = new Set([
  ...['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'virtiofs', 'ceph', 'afs', 'gfs2', 'ocfs2', 'lustre', 'vboxsf'],
]);

/**
 * What a file's times say of its content.
 * - `timed`: the same times, the same content
 * - `untimed`: content can change and the times stay (tmpfs, ramfs, zfs, and what is not known)
 * - `untold`: who serves it can tell each reader something else (FUSE)
 */
export type Timing = 'timed' | 'untimed' | 'untold';

export const timingOf = (type: string): Timing => {
  if (TIMED_TYPES.has(type) || REMOTE_TYPES.has(type)) return 'timed';
  return /^fuse(?:blk)?(?:\.|$)/.test(type) ? 'untold' : 'untimed';
};

/** What statfs(2) has of filesystems whose times tell, and that can be written to. Source: linux/magic.h. */
const TIMED_MAGICS: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
]);

/** @param magic sign-extended on some systems */
export const isTimedMagic = (magic: number): boolean => TIMED_MAGICS.has(magic >>> 0);
