import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BUSYBOX = '/bin/busybox';

/** Why no container can run it. */
export const whyNoBusybox = existsSync(BUSYBOX) ? undefined : `there is no ${BUSYBOX}`;

const PROGRAMS = ['sh', 'true', 'sleep', 'nc'];
const PASSWD = 'root:x:0:0:root:/:/bin/sh\ninner:x:1000:1000::/:/bin/sh\n';

/** Fills the root directory of a container: busybox alone, which must be linked statically, with accounts of its own. */
export const fillRoot = (root: string): void => {
  for (const name of ['bin', 'etc']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
  for (const name of PROGRAMS) symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc/passwd'), PASSWD);
};

/** The same as an archive, which container engines import. */
export const imageTar = (): Buffer => {
  const root = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    fillRoot(root);
    // Some engines keep the mode of the root directory, which is ours alone.
    chmodSync(root, 0o755);
    return execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 1 << 26 });
  } finally {
    rmSync(root, { recursive: true });
  }
};
