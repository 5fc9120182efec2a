import type { ContainerRuntime } from '../container/container-id.ts';
import type { ProcessContainers } from '../container/process-containers.ts';
import { eventMs } from '../event-time.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { CgroupFields } from './cgroup.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface ContainerFields {
  readonly container_id: string | undefined;
  readonly container_runtime: ContainerRuntime | undefined;
  readonly pod_uid: string | undefined;
}

/** The container of a process. */
export const containerSource = (
  containers: Pick<ProcessContainers, 'inherited'>,
): EventSource<ContainerFields> =>
  eventSource<ContainerFields, CgroupFields & Pick<ProcessTreeFields, 'process' | 'parent'>>({
    name: 'container',
    provides: { container_id: 'output', container_runtime: 'output', pod_uid: 'output' },
    needs: ['cgroup_container', 'process', 'parent'],
    resolve(event, { cgroup_container, process, parent }) {
      const atMs = eventMs(event);
      // Its place at an earlier exec says more than its parent's.
      const container =
        cgroup_container !== undefined
          ? cgroup_container
          : (process?.container ?? containers.inherited(parent, atMs));
      if (process !== undefined && container !== undefined) {
        process.container = container;
        process.containerAtMs = atMs;
      }
      if (container === null || container === undefined) return undefined;
      return {
        container_id: container.id,
        container_runtime: container.runtime,
        pod_uid: container.podUid,
      };
    },
  });
