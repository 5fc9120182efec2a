import type { CgroupMembership } from '../procfs/cgroup.ts';

export type ContainerRuntime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'kubernetes'
  | 'systemd-nspawn'
  | 'lxc';

export interface Container {
  /** 64 hex digits for OCI runtimes; the machine's or container's name for systemd-nspawn and LXC. */
  readonly id: string;
  /** `kubernetes` if only the pod is known, and not what runs its containers; undefined if nothing is known. */
  readonly runtime: ContainerRuntime | undefined;
  /** With dashes. For a static pod it is 32 hex digits, the hash of its manifest. */
  readonly podUid: string | undefined;
}

/**
 * The innermost container named in a process's cgroups, in any hierarchy; null for a process of the host. Monitors
 * that run outside on behalf of a container (conmon, lxc.monitor, nspawn's supervisor) belong to the host.
 *
 * A name counts only where ordinary users cannot make one. systemd gives the subtree of a user's own service manager
 * (`user@UID.service`), and of services that ask for it, to that user, who can name a cgroup there arbitrarily. So
 * containers of users (rootless Docker and podman) have no id.
 */
export const findContainer = (memberships: readonly CgroupMembership[]): Container | null => {
  for (const { path } of memberships) {
    const container = containerOfPath(path);
    if (container !== null) return container;
  }
  return null;
};

const containerOfPath = (path: string): Container | null => {
  const segments = path.split('/').filter(Boolean);
  const last = lastOfRoot(segments);
  for (let at = last; at >= 0; at--) {
    const found = foundAt(segments, at);
    if (found !== undefined) return { ...found, podUid: podUidOf(segments, at) };
  }
  return null;
};

const foundAt = (segments: readonly string[], at: number): Found | undefined =>
  inOciSegment(segments, at) ?? inNspawnSegment(segments, at) ?? inLxcSegment(segments, at);

/** Slices of users: below `user.slice`, or LXC's before systemd (`/user/1000.user/…`). */
const OF_USERS = /^(?:user(?:-.*)?\.slice|user@.*\.service|user|\d+\.user)$/s;
/** Services that run containers as root, with the containers' cgroups below theirs. */
const OF_RUNTIMES =
  /^(?:(?:snap\.)?(?:docker|containerd|crio|cri-o|kubelet|k3s|k3s-agent|rke2-server|rke2-agent|k0scontroller|k0sworker|microk8s\.daemon-(?:containerd|kubelet|kubelite)|podman|ecs|lxc|lxd|incus|docker\.dockerd|lxd\.daemon)|systemd-nspawn@.*|lxc@.*|podman@.*)\.service$/s;

/** Runtimes that give a container's cgroup to the root of that container, who may not be root of the host. */
const DELEGATING: ReadonlySet<ContainerRuntime | undefined> = new Set(['podman', 'systemd-nspawn', 'lxc']);

/** The last segment that only the host's root can have named; -1 if a user may have named an earlier one. */
const lastOfRoot = (segments: readonly string[]): number => {
  for (const [at, segment] of segments.entries()) {
    if (OF_USERS.test(segment)) return -1;
    const found = foundAt(segments, at);
    if (found !== undefined) return DELEGATING.has(found.runtime) ? at : segments.length - 1;
    // A service may run as a user, and own its subtree.
    if (segment.endsWith('.service') && !OF_RUNTIMES.test(segment)) return -1;
  }
  return segments.length - 1;
};

type Found = Pick<Container, 'id' | 'runtime'>;

/** Prefixes of the id in the name of a scope, by runtime. */
const PREFIXES: Readonly<Record<string, ContainerRuntime>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
};

/**
 * `docker-ID.scope` (systemd driver), `crio-ID` (cgroupfs driver), `SLICE:cri-containerd:ID` (a systemd name given to
 * the cgroupfs driver), or the bare ID below a directory that tells the runtime.
 */
const inOciSegment = (segments: readonly string[], at: number): Found | undefined => {
  const segment = segments[at]!;
  const named = /^(?:[^:]*:)?([a-z-]+)[-:]([0-9a-f]{64})(?:\.scope)?$/.exec(segment);
  if (named !== null) {
    const runtime = PREFIXES[named[1]!];
    return runtime === undefined ? undefined : { id: named[2]!, runtime };
  }
  if (!/^[0-9a-f]{64}$/.test(segment)) return undefined;
  return { id: segment, runtime: runtimeOfParent(segments, at) };
};

const runtimeOfParent = (segments: readonly string[], at: number): ContainerRuntime | undefined => {
  const parent = segments[at - 1];
  if (parent === undefined) return undefined;
  if (podUidIn(parent) !== undefined) return 'kubernetes';
  // containerd's namespace for the Docker engine is `moby`; ECS and GitHub's runners have Docker put its cgroups
  // below theirs.
  if (/^(docker|moby|actions_job)$/.test(parent) || segments.slice(0, at).includes('ecs')) return 'docker';
  if (/^libpod_parent$/.test(parent)) return 'podman';
  if (/^(containerd|default|k8s\.io|nerdctl|buildkit)$/.test(parent)) return 'containerd';
  return undefined;
};

/** `machine-NAME.scope` (systemd-nspawn) or `systemd-nspawn@NAME.service`, in machine.slice. */
const inNspawnSegment = (segments: readonly string[], at: number): Found | undefined => {
  if (segments[at - 1] !== 'machine.slice' || segments[at + 1] === 'supervisor') return undefined;
  const match = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/s.exec(segments[at]!);
  if (match === null) return undefined;
  const name = unescapeUnit(match[1] ?? match[2]!);
  // libvirt names its scopes machine-DRIVER-ID-NAME; all but one driver run virtual machines.
  if (match[1] !== undefined && /^(qemu|xen|bhyve|vbox|ch)-\d+-/.test(name)) return undefined;
  const libvirtLxc = match[1] === undefined ? null : /^lxc-\d+-(.+)$/s.exec(name);
  return libvirtLxc === null
    ? { id: name, runtime: 'systemd-nspawn' }
    : { id: libvirtLxc[1]!, runtime: 'lxc' };
};

/** `lxc.payload.NAME` (LXC 4), `lxc.payload/NAME` (LXC 3.1), `lxc/NAME` (before). */
const inLxcSegment = (segments: readonly string[], at: number): Found | undefined => {
  const own = /^lxc\.payload\.(.+)$/s.exec(segments[at]!);
  if (own !== null) return { id: own[1]!, runtime: 'lxc' };
  const parent = segments[at - 1];
  return parent === 'lxc.payload' || parent === 'lxc' ? { id: segments[at]!, runtime: 'lxc' } : undefined;
};

/** systemd writes characters that a unit's name must not contain as `\xHH`. */
const unescapeUnit = (name: string): string =>
  name.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

const podUidOf = (segments: readonly string[], at: number): string | undefined => {
  for (let i = at; i >= 0; i--) {
    const uid = podUidIn(segments[i]!);
    if (uid !== undefined) return uid;
  }
  return undefined;
};

/** `podUID` (cgroupfs) or `kubepods-burstable-podUID.slice` (systemd, where a dash would mean a deeper slice). */
const podUidIn = (segment: string): string | undefined => {
  const match =
    /^(?:.*kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice.*)?$/s.exec(
      segment,
    );
  return match === null ? undefined : match[1]!.replaceAll('_', '-');
};
