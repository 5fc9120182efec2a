import type { KnownContainers } from '../container/container-details.ts';
import { type LaterSource, laterSource } from '../source.ts';
import type { ContainerFields } from './container.ts';

export interface ContainerDetailsFields {
  readonly container_name: string | undefined;
  readonly container_image: string | undefined;
  /** Of the image's manifest: `sha256:…`. */
  readonly container_image_digest: string | undefined;
  readonly pod_name: string | undefined;
  readonly pod_namespace: string | undefined;
}

/** What the container's runtime knows about it. */
export const containerDetailsSource = (
  containers: Pick<KnownContainers, 'find'>,
): LaterSource<ContainerDetailsFields> =>
  laterSource<ContainerDetailsFields, ContainerFields>({
    name: 'container details',
    provides: {
      container_name: 'output',
      container_image: 'output',
      container_image_digest: 'output',
      pod_name: 'output',
      pod_namespace: 'output',
    },
    needs: ['container_id', 'container_runtime', 'pod_uid'],
    resolve(_event, { container_id, container_runtime, pod_uid }) {
      if (container_id === undefined) return undefined;
      const found = containers.find({ id: container_id, runtime: container_runtime, podUid: pod_uid });
      return found instanceof Promise ? found.then(toFields) : toFields(found);
    },
  });

const toFields = (
  details: Awaited<ReturnType<KnownContainers['find']>>,
): ContainerDetailsFields | undefined =>
  details && {
    container_name: details.name,
    container_image: details.image,
    container_image_digest: details.imageDigest,
    pod_name: details.podName,
    pod_namespace: details.podNamespace,
  };
