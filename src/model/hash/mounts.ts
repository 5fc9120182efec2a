import type { Clock } from '../clock.ts';
import { type Mount, parseMountId, parseMountinfo } from '../procfs/mountinfo.ts';
import type { ProcDirectory, ProcfsReader } from '../procfs/reader.ts';

/** Mounts are read again after this. */
const REFRESH_MS = 10_000;

/** Superblocks remembered by the device number that stat(2) gives. */
const MAX_SUPERBLOCKS = 256;

/**
 * Filesystems that never wait for another machine or another process. All others may hang, and a hung call cannot be
 * taken back.
 */
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  ...[
    'ext2',
    'ext3',
    'ext4',
    'xfs',
    'btrfs',
    'zfs',
    'f2fs',
    'jfs',
    'reiserfs',
    'bcachefs',
    'ntfs3',
    'hfsplus',
  ],
  ...['vfat', 'exfat', 'iso9660', 'udf', 'squashfs', 'erofs', 'cramfs', 'romfs', 'overlay', 'aufs'],
  ...[
    'tmpfs',
    'ramfs',
    'rootfs',
    'devtmpfs',
    'hugetlbfs',
    'proc',
    'sysfs',
    'devpts',
    'mqueue',
    'nsfs',
    'bpf',
  ],
  ...['cgroup', 'cgroup2', 'securityfs', 'selinuxfs', 'debugfs', 'tracefs', 'configfs', 'pstore', 'efivarfs'],
  ...['binfmt_misc', 'fusectl', 'rpc_pipefs'],
]);

/** What is mounted: which device numbers belong together, and whether any access may hang. */
export class Mounts {
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  #local = true;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #superblocks = new Map<bigint, { readonly device: string | undefined; readonly until: number }>();

  constructor(procfs: ProcfsReader, clock: Clock) {
    this.#procfs = procfs;
    this.#clock = clock;
  }

  /** Whether every filesystem in sight answers on its own, so that looking at a file needs no precautions. */
  get local(): boolean {
    const now = this.#clock.monotonicMs();
    if (now - this.#readAt >= REFRESH_MS) {
      this.#readAt = now;
      const mounts = this.#mountsOf('self');
      // An automounter's trigger is a mount of its own; what it mounts shows when it is there.
      this.#local =
        mounts.length > 0 && mounts.every(({ type }) => LOCAL_TYPES.has(type) || type === 'autofs');
    }
    return this.#local;
  }

  /**
   * Device number (`major:minor`, decimal) of the filesystem an open file is on, as audit records it. On btrfs, and
   * on overlay over several filesystems, stat(2) gives another number.
   *
   * @param dev what stat(2) gives for the file
   * @param namespace whose mounts the file was reached through
   */
  superblockOf(dev: bigint, fd: number, namespace: ProcDirectory): string | undefined {
    const now = this.#clock.monotonicMs();
    const known = this.#superblocks.get(dev);
    if (known !== undefined && known.until > now) return known.device;
    const fdinfo = this.#procfs.read('self', `fdinfo/${fd}`);
    const id = fdinfo && parseMountId(fdinfo);
    const mount = this.#mountsOf(namespace).find(candidate => candidate.id === id);
    const device = mount && `${mount.major}:${mount.minor}`;
    if (this.#superblocks.size >= MAX_SUPERBLOCKS) this.#superblocks.clear();
    // Numbers of unmounted filesystems are given out again, hence the end.
    this.#superblocks.set(dev, { device, until: now + REFRESH_MS });
    return device;
  }

  #mountsOf(namespace: ProcDirectory): readonly Mount[] {
    const bytes = this.#procfs.readList(namespace, 'mountinfo');
    return bytes === undefined ? [] : parseMountinfo(bytes);
  }
}
