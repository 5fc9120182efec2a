import { checkedDetails, isContainerId } from './checked-details.ts';
import type { ContainerDetails, ContainerRequest } from './container-details.ts';
import type { ContainerRuntime } from './container-id.ts';
import { type RuntimeFiles, readHostFile } from './runtime-files.ts';
import { containerd } from './runtimes/containerd.ts';
import { crio } from './runtimes/cri-o.ts';
import { docker } from './runtimes/docker.ts';
import { lxc } from './runtimes/lxc.ts';
import { nspawn } from './runtimes/nspawn.ts';
import { podman } from './runtimes/podman.ts';

/** To add a runtime, add its file to runtimes/ and its line here. */
const RUNTIMES: Readonly<Record<Exclude<ContainerRuntime, 'kubernetes'>, RuntimeFiles>> = {
  docker,
  containerd,
  'cri-o': crio,
  podman,
  'systemd-nspawn': nspawn,
  lxc,
};
/** Runtimes that run pods. */
const OF_PODS = [containerd, crio, docker];
/** Runtimes whose containers have ids of a common form. */
const OF_IDS = [docker, containerd, crio, podman];

/**
 * What the files of a container's runtime say about it. Every look may hang, so this runs in a process that can be
 * given up.
 */
export const lookAtContainer = (
  { id, runtime }: ContainerRequest,
  read = readHostFile,
): ContainerDetails | undefined => {
  if (!isContainerId(id)) return undefined;
  const files = runtime === undefined ? OF_IDS : runtime === 'kubernetes' ? OF_PODS : [RUNTIMES[runtime]];
  for (const find of files) {
    const found = tryFind(find, id, read);
    if (found !== undefined) return checkedDetails(found);
  }
  return undefined;
};

/** A malformed file counts as missing. */
const tryFind = (find: RuntimeFiles, id: string, read: typeof readHostFile) => {
  try {
    return find(id, read);
  } catch {
    return undefined;
  }
};
