import { basename } from 'node:path';
import type { RuntimeFiles } from '../runtime-files.ts';

/** LXC, LXD and Incus: the container's own configuration. Only LXD and Incus have a name for the image. */
export const lxc: RuntimeFiles = (id, read) => {
  const files = [`/var/lib/lxc/${id}/config`, `/run/lxd/${id}/lxc.conf`, `/run/incus/${id}/lxc.conf`];
  const text = files
    .map(path => read(path))
    .find(bytes => bytes !== undefined)
    ?.toString();
  if (text === undefined) return undefined;
  const image = /^lxc\.environment\s*=\s*IMAGE=(.*)$/m.exec(text)?.[1];
  return { name: basename(id), image };
};
