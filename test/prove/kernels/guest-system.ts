import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeFreshRoot, readRegistries, required } from '../fresh/fresh-root.ts';
import { makeDiskImage } from './disk-image.ts';
import { guestPackages, type Kernel } from './kernels.ts';

const run = promisify(execFile);
/** What the machine needs to find its disks. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_rng', 'ext4'];
const ROOM_MIB = 1_024;

/** What a machine boots. */
export interface GuestSystem {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
  /** Version of the kernel's package. */
  readonly version: string;
}

/** Makes a minimal Debian with a kernel as a disk, in `directory`, where one made before is taken as it is. */
export const makeGuestSystem = async (wanted: Kernel, directory: string): Promise<GuestSystem> => {
  const made = join(directory, `system-${wanted.name}`);
  if (!existsSync(made)) {
    const making = `${made}.part`;
    await rm(making, { recursive: true, force: true });
    await mkdir(making);
    await fill(wanted, directory, making);
    await run('mv', [making, made]);
  }
  const names = await readdir(made);
  const kernel = names.find(name => name.startsWith('vmlinuz-'))!;
  return {
    kernel: join(made, kernel),
    initrd: join(made, names.find(name => name.startsWith('initrd.img-'))!),
    disk: join(made, 'root.img'),
    version: kernel.slice('vmlinuz-'.length),
  };
};

const fill = async (wanted: Kernel, directory: string, to: string): Promise<void> => {
  const registries = await readRegistries();
  const root = await makeFreshRoot({ suite: wanted.suite, packages: [], registries, parent: directory });
  try {
    const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
      await mkdir(join(root.path, path, '..'), { recursive: true });
      await writeFile(join(root.path, path), text, { mode });
    };
    // Else the initial file system has every driver there is, and takes a minute to unpack under emulation.
    await put('etc/initramfs-tools/conf.d/modules', 'MODULES=list\n');
    await put('usr/share/initramfs-tools/modules.d/guest', MODULES.map(name => `${name}\n`).join(''));
    const from = wanted.from === undefined ? '' : `-t ${wanted.from}`;
    if (wanted.from !== undefined) {
      const line = `deb ${registries.mirror} ${wanted.from} main\n`;
      await put(`etc/apt/sources.list.d/${wanted.from}.list`, line);
      await required(root, 'apt-get update');
    }
    await required(root, `apt-get install -y --no-install-recommends ${guestPackages.join(' ')}`);
    await required(root, `apt-get install -y --no-install-recommends ${from} linux-image-amd64`);
    await required(root, 'apt-get clean; rm -rf /var/lib/apt/lists/*');
    await mkdir(join(root.path, 'project'), { recursive: true });
    const boot = join(root.path, 'prove-boot');
    await cp(fileURLToPath(new URL('guest-boot.sh', import.meta.url)), boot);
    await chmod(boot, 0o755);
    for (const name of await readdir(join(root.path, 'boot'))) {
      if (/^(vmlinuz|initrd\.img)-/.test(name)) await cp(join(root.path, 'boot', name), join(to, name));
    }
    await makeDiskImage(root.path, join(to, 'root.img'), ROOM_MIB);
  } finally {
    await root.remove();
  }
};
