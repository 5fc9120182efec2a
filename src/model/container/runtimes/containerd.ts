import { fieldOf, textField } from '../protobuf.ts';
import { objectIn, parseJson, type RuntimeFiles, textIn } from '../runtime-files.ts';
import type { RuntimeSocket } from '../runtime-socket.ts';

const TASKS = '/run/containerd/io.containerd.runtime.v2.task';
/** containerd's namespaces: Kubernetes's, the default, BuildKit's. */
const NAMESPACES = ['k8s.io', 'default', 'buildkit'];
/** Fields of its messages. Source: api/services/containers/v1/containers.proto, images.proto and descriptor.proto. */
const ID = 1;
const NAME = 1;
const ANSWER = 1;
const CONTAINER_IMAGE = 3;
const IMAGE_TARGET = 3;
const TARGET_DIGEST = 2;

/** containerd: the OCI configuration of the running task, whose annotations have what Kubernetes and nerdctl know. */
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

/** A container's image and its digest are in a database that only containerd itself reads. */
export const containerdSocket: RuntimeSocket = {
  path: '/run/containerd/containerd.sock',
  async ask(id, call) {
    for (const namespace of NAMESPACES) {
      const get = async (service: string, request: Buffer): Promise<Buffer | undefined> => {
        const headers = { 'containerd-namespace': namespace };
        const answer = await call({
          method: `/containerd.services.${service}/Get`,
          headers,
          message: request,
        });
        return answer && fieldOf(answer, ANSWER);
      };
      const container = await get('containers.v1.Containers', textField(ID, id));
      if (container === undefined || fieldOf(container, ID)?.toString() !== id) continue;
      const image = fieldOf(container, CONTAINER_IMAGE)?.toString();
      if (image === undefined) return {};
      const stored = await get('images.v1.Images', textField(NAME, image));
      const target = stored && fieldOf(stored, IMAGE_TARGET);
      return { image, imageDigest: target && fieldOf(target, TARGET_DIGEST)?.toString() };
    }
    return undefined;
  },
};
