import type { CgroupFactsCache } from '../container/cgroup-facts.ts';
import type { Container, ContainerRuntime } from '../container/container-id.ts';
import { eventMs } from '../event-time.ts';
import type { ProcessNode } from '../process/process-node.ts';
import type { ProcessTree } from '../process/process-tree.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { CgroupFields } from './cgroup.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface ContainerFields {
  readonly container_id: string | undefined;
  readonly container_runtime: ContainerRuntime | undefined;
  readonly pod_uid: string | undefined;
}

/** How far up the tree somebody is looked for whose container is known. */
const MAX_STEPS = 16;
/** How long it is taken to be where it was: reading its cgroups costs as much as all else that is done for an event. */
const RECENT_MS = 200;

/**
 * The container a process is in. One that is gone before its cgroups could be read was in its parent's: leaving a
 * container takes privileges and time.
 */
export const containerSource = (
  tree: ProcessTree,
  procfs: ProcfsReader,
  cache: CgroupFactsCache,
): EventSource<ContainerFields> => {
  const inherited = (parent: ProcessNode | undefined, atMs: number): Container | null | undefined => {
    let node = parent;
    for (let steps = 0; node !== undefined && steps < MAX_STEPS; steps++) {
      if (node.exitMs === undefined && atMs - node.containerAtMs > RECENT_MS) {
        // It may have been moved since its own exec, as the first process of a container is.
        const bytes = procfs.read(node.pid, 'cgroup');
        if (bytes !== undefined && bytes.length > 0) {
          node.container = cache.of(bytes).container;
          node.containerAtMs = atMs;
        }
      }
      if (node.container !== undefined) return node.container;
      node = tree.parentOf(node);
    }
    return undefined;
  };

  return eventSource<ContainerFields, CgroupFields & Pick<ProcessTreeFields, 'process' | 'parent'>>({
    name: 'container',
    provides: { container_id: 'output', container_runtime: 'output', pod_uid: 'output' },
    needs: ['cgroup_container', 'process', 'parent'],
    resolve(event, { cgroup_container, process, parent }) {
      const atMs = eventMs(event);
      // Where it was at an earlier exec says more than where its parent is.
      const container =
        cgroup_container !== undefined ? cgroup_container : (process?.container ?? inherited(parent, atMs));
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
};
