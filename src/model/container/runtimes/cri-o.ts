import { objectIn, parseJson, type RuntimeFiles, textIn } from '../runtime-files.ts';

/** Directories of the configurations of running containers, and of all containers. */
const ROOTS = ['/run/containers/storage', '/var/lib/containers/storage'];

/** CRI-O: annotations of the OCI configuration. */
export const crio: RuntimeFiles = (id, read) => {
  const bytes = ROOTS.map(root => read(`${root}/overlay-containers/${id}/userdata/config.json`)).find(
    found => found !== undefined,
  );
  if (bytes === undefined) return undefined;
  const annotations = objectIn(parseJson(bytes), 'annotations');
  const of = (name: string): string | undefined => textIn(annotations, name);
  // podman's are in the same place.
  if (of('io.container.manager') !== 'cri-o') return undefined;
  const image = of('io.kubernetes.cri-o.ImageName') ?? of('io.kubernetes.cri-o.SomeNameOfTheImage');
  return {
    name: of('io.kubernetes.container.name'),
    image,
    imageDigest: /@(sha256:[0-9a-f]{64})$/.exec(of('io.kubernetes.cri-o.ImageRef') ?? '')?.[1],
    podName: of('io.kubernetes.pod.name'),
    podNamespace: of('io.kubernetes.pod.namespace'),
  };
};
