import { objectIn, parseJson, type RuntimeFiles, textIn } from '../runtime-files.ts';

const TASKS = '/run/containerd/io.containerd.runtime.v2.task';
/** containerd's own namespaces: of Kubernetes, of whoever named none, of BuildKit. */
const NAMESPACES = ['k8s.io', 'default', 'buildkit'];

/** containerd: the OCI configuration of the running task, whose annotations say what Kubernetes and nerdctl know of it. */
export const containerd: RuntimeFiles = (id, read) => {
  const bytes = NAMESPACES.map(namespace => read(`${TASKS}/${namespace}/${id}/config.json`)).find(
    found => found !== undefined,
  );
  if (bytes === undefined) return undefined;
  const annotations = objectIn(parseJson(bytes), 'annotations');
  const of = (name: string): string | undefined => textIn(annotations, name);
  return {
    name: of('io.kubernetes.cri.container-name') ?? of('nerdctl/name'),
    image: of('io.kubernetes.cri.image-name') ?? of('nerdctl/image-name'),
    podName: of('io.kubernetes.cri.sandbox-name'),
    podNamespace: of('io.kubernetes.cri.sandbox-namespace'),
  };
};
