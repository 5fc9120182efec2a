import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerRuntime } from '../../../src/model/container/container-id.ts';
import { lookAtContainer } from '../../../src/model/container/look-at-container.ts';

const ID = 'ab'.repeat(32);
const IMAGE_ID = `sha256:${'cd'.repeat(32)}`;
const DIGEST = `sha256:${'ef'.repeat(32)}`;
const NOTHING = {
  name: undefined,
  image: undefined,
  imageDigest: undefined,
  podName: undefined,
  podNamespace: undefined,
};

const look = (runtime: ContainerRuntime | undefined, files: Readonly<Record<string, unknown>>, id = ID) =>
  lookAtContainer({ id, runtime }, path => {
    const content = files[path];
    if (content === undefined) return undefined;
    return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  });

const docker = {
  [`/var/lib/docker/containers/${ID}/config.v2.json`]: {
    ID,
    Name: '/web',
    Image: IMAGE_ID,
    Config: { Image: 'nginx:1.27', Labels: { 'io.kubernetes.pod.name': 'web-0' } },
  },
  '/var/lib/docker/image/overlay2/repositories.json': {
    Repositories: { nginx: { 'nginx:1.27': IMAGE_ID, [`nginx@${DIGEST}`]: IMAGE_ID } },
  },
};
const containerd = {
  [`/run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`]: {
    annotations: {
      'io.kubernetes.cri.container-name': 'app',
      'io.kubernetes.cri.image-name': `registry.example/app@${DIGEST}`,
      'io.kubernetes.cri.sandbox-name': 'app-5d4',
      'io.kubernetes.cri.sandbox-namespace': 'prod',
    },
  },
};
const crio = {
  [`/run/containers/storage/overlay-containers/${ID}/userdata/config.json`]: {
    annotations: {
      'io.container.manager': 'cri-o',
      'io.kubernetes.container.name': 'app',
      'io.kubernetes.cri-o.ImageName': 'registry.example/app:2',
      'io.kubernetes.cri-o.ImageRef': `registry.example/app@${DIGEST}`,
      'io.kubernetes.pod.name': 'app-0',
      'io.kubernetes.pod.namespace': 'prod',
    },
  },
};
const podmanAt = (root: string) => ({
  [`${root}/overlay-containers/containers.json`]: [
    { id: 'x' },
    {
      id: ID,
      names: ['web'],
      image: 'cafe',
      metadata: JSON.stringify({ 'image-name': 'docker.io/library/alpine:latest', name: 'web' }),
    },
  ],
  [`${root}/overlay-images/images.json`]: [{ id: 'cafe', digest: DIGEST }],
});

describe('lookAtContainer', () => {
  it('reads what Docker, containerd, CRI-O and podman leave on disk', () => {
    expect(look('docker', docker)).toEqual({
      ...NOTHING,
      name: 'web',
      image: 'nginx:1.27',
      imageDigest: DIGEST,
      podName: 'web-0',
    });
    const image = `registry.example/app@${DIGEST}`;
    const app = { name: 'app', image, imageDigest: DIGEST, podName: 'app-5d4', podNamespace: 'prod' };
    expect(look('containerd', containerd)).toEqual(app);
    expect(look('cri-o', crio)).toEqual({ ...app, image: 'registry.example/app:2', podName: 'app-0' });
    const web = { ...NOTHING, name: 'web', image: 'docker.io/library/alpine:latest', imageDigest: DIGEST };
    expect(look('podman', podmanAt('/var/lib/containers/storage'))).toEqual(web);
    const conf = { '/etc/containers/storage.conf': '[storage]\n  graphroot = "/data/c"\n' };
    expect(look('podman', { ...conf, ...podmanAt('/data/c') })).toEqual(web);
  });

  it('tries those that it may be where only the pod, or nothing, is told', () => {
    expect(look('kubernetes', containerd)?.name).toBe('app');
    expect(look('kubernetes', crio)?.name).toBe('app');
    expect(look(undefined, podmanAt('/var/lib/containers/storage'))?.name).toBe('web');
    expect(look(undefined, {})).toBeUndefined();
  });

  it('reads those of systemd-nspawn and LXC by their names', () => {
    const machine = [
      ...[
        '# This is private data. Do not parse.',
        'NAME=deb',
        'SCOPE=machine-deb.scope',
        'SERVICE=systemd-nspawn',
      ],
      ...[
        'ROOT=/var/lib/machines/debian',
        'ID=07a29e03ce25471186e9f7027fd40ebb',
        'LEADER=14137',
        'CLASS=container',
      ],
      ...['REALTIME=1796097616527363', 'MONOTONIC=3401065825', ''],
    ].join('\n');
    expect(look('systemd-nspawn', { '/run/systemd/machines/deb': machine }, 'deb')).toEqual({
      ...NOTHING,
      name: 'deb',
      image: 'debian',
    });
    expect(look('lxc', { '/var/lib/lxc/c1/config': 'lxc.arch = amd64\n' }, 'c1')).toEqual({
      ...NOTHING,
      name: 'c1',
    });
  });

  it('takes nothing of another container, and no lies of another shape', () => {
    const path = `/var/lib/docker/containers/${ID}/config.v2.json`;
    expect(look('docker', { [path]: { ID: 'other', Name: '/web' } })).toBeUndefined();
    expect(look('docker', { [path]: '{"ID":' })).toBeUndefined();
    const lies = {
      ID,
      Name: 7,
      Config: { Image: 'a\nb', Labels: [] },
      ImageManifest: { digest: 'sha256:x' },
    };
    expect(look('docker', { [path]: lies })).toEqual(NOTHING);
    expect(look('docker', { [path]: { ID, Name: 'x'.repeat(1_000) } })).toEqual(NOTHING);
    expect(look('docker', { [path]: { ID, __proto__: null, Config: { Image: { toString: 1 } } } })).toEqual(
      NOTHING,
    );
    expect(
      look('cri-o', {
        ...crio,
        [Object.keys(crio)[0]!]: { annotations: { 'io.container.manager': 'libpod' } },
      }),
    ).toBeUndefined();
  });

  it('says what it has of a container that ends while it is looked at', () => {
    const [config] = Object.keys(docker);
    expect(look('docker', { [config!]: docker[config!] })).toMatchObject({
      name: 'web',
      imageDigest: undefined,
    });
    expect(look('docker', { '/var/lib/docker/image/overlay2/repositories.json': {} })).toBeUndefined();
  });

  it('makes no path of an id that is none', () => {
    for (const id of ['', '..', '../../etc', 'a/b', 'a\0b', '.x']) {
      expect(lookAtContainer({ id, runtime: 'lxc' }, () => expect.fail(id))).toBeUndefined();
    }
  });

  it('takes any JSON in the place of what it reads', () => {
    const runtimes = ['docker', 'containerd', 'cri-o', 'podman', 'kubernetes', undefined] as const;
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(...runtimes), (text, runtime) => {
        lookAtContainer({ id: ID, runtime }, () => Buffer.from(text));
      }),
    );
  });
});
