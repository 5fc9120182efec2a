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

/** A new runtime is its file in runtimes/ and its line here. */
const RUNTIMES: Readonly<Record<Exclude<ContainerRuntime, 'kubernetes'>, RuntimeFiles>> = {
  docker,
  containerd,
  'cri-o': crio,
  podman,
  'systemd-nspawn': nspawn,
  lxc,
};
/** Those that run pods. */
const OF_PODS = [containerd, crio, docker];
/** Those whose containers have ids of their own kind. */
const OF_IDS = [docker, containerd, crio, podman];

/** What the files of a container's runtime say of it; every look may hang: this is for a process that can be given up. */
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

/** A file that is not what it should be says nothing. */
const tryFind = (find: RuntimeFiles, id: string, read: typeof readHostFile) => {
  try {
    return find(id, read);
  } catch {
    return undefined;
  }
};
