/**
 * Executes what follows in a mount namespace of its own, whose root directory is an overlay on the host's, as a container runtime
 * does it; what is written there is in memory.
 *
 * @param scratch an empty directory
 * @param programs a directory that is copied there …
 * @param at … to this path, which only that root has
 */
export const otherRoot = (scratch: string, programs: string, at: string): readonly string[] => [
  'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  SCRIPT,
  'other-root',
  scratch,
  programs,
  at,
];

const SCRIPT = `set -e
scratch=$1 programs=$2 at=$3
shift 3
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mkdir -p old ".$at"
cp "$programs"/* ".$at"
mount --rbind /dev dev
mount --rbind /proc proc
pivot_root . old
umount -l old
exec "$@"
`;
