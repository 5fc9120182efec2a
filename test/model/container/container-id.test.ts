import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CgroupFactsCache, MAX_CGROUP_FACTS } from '../../../src/model/container/cgroup-facts.ts';
import { findContainer } from '../../../src/model/container/container-id.ts';
import { parseCgroup } from '../../../src/model/procfs/cgroup.ts';

const id = '4f1c9e0d7b6a5f4e3d2c1b0a99887766554433221100ffeeddccbbaa99887766';
const outer = `${'0'.repeat(63)}1`;
const uid = '8dbc0b35-7f1a-4d5c-9c6e-1d2f3a4b5c6d';
const escaped = uid.replaceAll('-', '_');
const manifest = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';

const of = (path: string) => findContainer(parseCgroup(Buffer.from(`0::${path}\n`)));

describe('findContainer', () => {
  it.each([
    ['docker, cgroupfs driver', `/docker/${id}`, 'docker', undefined],
    ['docker, systemd driver', `/system.slice/docker-${id}.scope`, 'docker', undefined],
    ['docker, seen from a cgroup namespace', `/../../docker-${id}.scope`, 'docker', undefined],
    ['docker, a service of a systemd inside', `/docker/${id}/system.slice/ssh.service`, 'docker', undefined],
    ['docker in docker', `/docker/${outer}/docker/${id}`, 'docker', undefined],
    ['docker on ECS', `/ecs/5a0d5ceddf6c44c1928d367a815d890f/${id}`, 'docker', undefined],
    [
      'docker below kubernetes, systemd',
      `/kubepods.slice/kubepods-pod${escaped}.slice/docker-${id}.scope`,
      'docker',
      uid,
    ],
    ['docker with a parent of its own', `/builds/${id}`, undefined, undefined],
    ['containerd, nerdctl', `/system.slice/nerdctl-${id}.scope`, 'containerd', undefined],
    ['containerd, cgroupfs', `/default/${id}`, 'containerd', undefined],
    ['containerd for Docker', `/moby/${id}`, 'docker', undefined],
    [
      'containerd, kubernetes',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${escaped}.slice/cri-containerd-${id}.scope`,
      'containerd',
      uid,
    ],
    [
      'containerd, a systemd name for the cgroupfs driver',
      `/system.slice/containerd.service/kubepods-besteffort-pod${escaped}.slice:cri-containerd:${id}`,
      'containerd',
      uid,
    ],
    [
      'containerd in kind',
      `/docker/${outer}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${escaped}.slice/cri-containerd-${id}.scope`,
      'containerd',
      uid,
    ],
    [
      'cri-o, systemd',
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${escaped}.slice/crio-${id}.scope`,
      'cri-o',
      uid,
    ],
    ['cri-o, cgroupfs', `/kubepods/burstable/pod${uid}/crio-${id}`, 'cri-o', uid],
    ['cri-o, a cgroup of its own below', `/kubepods/pod${uid}/crio-${id}/container`, 'cri-o', uid],
    ['podman', `/machine.slice/libpod-${id}.scope`, 'podman', undefined],
    ['podman, with its sub-cgroup', `/machine.slice/libpod-${id}.scope/container`, 'podman', undefined],
    ['podman, as a service', `/system.slice/podman.service/libpod-${id}`, 'podman', undefined],
    ['podman, cgroupfs', `/libpod_parent/libpod-${id}`, 'podman', undefined],
    ['kubernetes, cgroupfs', `/kubepods/burstable/pod${uid}/${id}`, 'kubernetes', uid],
    ['kubernetes, guaranteed', `/kubepods/pod${uid}/${id}`, 'kubernetes', uid],
    ['kubernetes, static pod', `/kubepods/besteffort/pod${manifest}/${id}`, 'kubernetes', manifest],
  ])('%s', (_name, path, runtime, podUid) => {
    expect(of(path)).toEqual({ id, runtime, podUid });
  });

  it.each([
    ['systemd-nspawn', '/machine.slice/machine-web.scope', 'web', 'systemd-nspawn'],
    ['systemd-nspawn, escaped', '/machine.slice/machine-my\\x2dweb.scope', 'my-web', 'systemd-nspawn'],
    [
      'systemd-nspawn by machinectl',
      '/machine.slice/systemd-nspawn@web.service/payload/init.scope',
      'web',
      'systemd-nspawn',
    ],
    ['LXC 4', '/lxc.payload.web/system.slice', 'web', 'lxc'],
    ['LXC 3.1', '/lxc.payload/web', 'web', 'lxc'],
    ['LXC before', '/lxc/web/init.scope', 'web', 'lxc'],
    ['libvirt LXC', '/machine.slice/machine-lxc\\x2d42\\x2dweb.scope', 'web', 'lxc'],
  ])('%s', (_name, path, name, runtime) => {
    expect(of(path)).toEqual({ id: name, runtime, podUid: undefined });
  });

  it.each([
    ['the root', '/'],
    ['a service', '/system.slice/docker.service'],
    ['a session', '/user.slice/user-1000.slice/session-1.scope'],
    ["podman's monitor", `/machine.slice/libpod-conmon-${id}.scope`],
    ["cri-o's monitor", `/kubepods.slice/kubepods-pod${escaped}.slice/crio-conmon-${id}.scope`],
    ["LXC's monitor", '/lxc.monitor.web'],
    ["nspawn's supervisor", '/machine.slice/systemd-nspawn@web.service/supervisor'],
    ['a virtual machine', '/machine.slice/machine-qemu\\x2d1\\x2dvm.scope'],
    ['an id that is too short', `/docker/${id.slice(1)}`],
    ['a pod without a container', `/kubepods/burstable/pod${uid}`],
    ['a scope of another program', `/system.slice/run-${id}.scope`],
  ])('finds none in %s', (_name, path) => {
    expect(of(path)).toBeNull();
  });

  it.each([
    ['Docker', `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${id}.scope`],
    ['podman', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope/container`],
    ['podman in a session', `/user.slice/user-1000.slice/session-4.scope/libpod-${id}`],
    ['a pod', `/user.slice/user-1000.slice/user@1000.service/kubepods/pod${uid}/${id}`],
    ['LXC', '/user.slice/user-1000.slice/user@1000.service/app.slice/lxc.payload.web'],
    ['LXC before systemd', '/user/1000.user/3.session/lxc/web'],
    ['a service with a delegated subtree', `/system.slice/web.service/docker-${id}.scope`],
    [
      'a name like that of a slice',
      `/user.slice/user-1000.slice/user@1000.service/machine.slice/machine-web.scope`,
    ],
    ['seen from a cgroup namespace', `/../../user@1000.service/user.slice/docker-${id}.scope`],
  ])('takes no name that a user can give: %s', (_name, path) => {
    expect(of(path)).toBeNull();
  });

  it('takes no name below a container whose root may give it', () => {
    expect(of(`/machine.slice/libpod-${id}.scope/container/docker/${outer}`)).toMatchObject({ id });
    expect(of(`/lxc.payload.web/docker/${outer}`)).toMatchObject({ id: 'web', runtime: 'lxc' });
  });

  it('takes the name in another hierarchy where a user can give only one of them', () => {
    const text = `9:name=systemd:/user.slice/user@1000.service/docker-${outer}.scope\n4:memory:/docker/${id}\n`;
    expect(findContainer(parseCgroup(Buffer.from(text)))).toMatchObject({ id, runtime: 'docker' });
  });

  it('looks into every hierarchy', () => {
    const text = `9:name=systemd:/\n4:memory:/docker/${id}\n0::/\n`;
    expect(findContainer(parseCgroup(Buffer.from(text)))).toMatchObject({ id, runtime: 'docker' });
  });

  it('takes any path without throwing, and finds only ids that are in it', () => {
    const part = fc.constantFrom(
      ...['docker', id, `docker-${id}.scope`, 'lxc', 'machine.slice', 'machine-a\\x2d.scope', `pod${uid}`],
      ...['..', 'kubepods', 'x', `a:b:${id}`, 'lxc.payload.x', `crio-conmon-${id}.scope`],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 6 }), parts => {
        const found = findContainer([{ hierarchy: 0, controllers: [], path: `/${parts.join('/')}` }]);
        if (found?.id.length === 64) expect(parts.join('/')).toContain(found.id);
      }),
    );
  });
});

describe('CgroupFactsCache', () => {
  const bytes = (path: string): Buffer => Buffer.from(`1:name=systemd:/init.scope\n0::${path}\n`);

  it('prefers the unified path, then that of systemd, then the longest', () => {
    const cache = new CgroupFactsCache();
    expect(cache.of(bytes('/a')).path).toBe('/a');
    expect(cache.of(bytes('/')).path).toBe('/init.scope');
    expect(cache.of(Buffer.from('2:cpu:/x\n3:memory:/x/y\n0::/\n')).path).toBe('/x/y');
    expect(cache.of(Buffer.from('')).path).toBeUndefined();
  });

  it('reads each distinct file once, and forgets the oldest', () => {
    const cache = new CgroupFactsCache();
    const first = cache.of(bytes(`/docker/${id}`));
    expect(cache.of(bytes(`/docker/${id}`))).toBe(first);
    for (let i = 0; i < MAX_CGROUP_FACTS; i++) cache.of(bytes(`/${i}`));
    expect(cache.of(bytes(`/docker/${id}`))).not.toBe(first);
  });
});
