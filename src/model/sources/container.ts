import type { CgroupFactsCache } from '../container/cgroup-facts.ts';
import type { Container, ContainerRuntime } from '../container/container-id.ts';
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

/**
 * The container a process is in. One that is gone before its cgroups could be read was in its parent's: leaving a
 * container takes privileges and time.
 */
export const containerSource = (
  tree: ProcessTree,
  procfs: ProcfsReader,
  cache: CgroupFactsCache,
): EventSource<ContainerFields> => {
  const inherited = (parent: ProcessNode | undefined): Container | null | undefined => {
    let node = parent;
    for (let steps = 0; node !== undefined && steps < MAX_STEPS; steps++) {
      // As it is now: it may have been moved since its own exec, as the first process of a container is.
      const bytes = node.exitMs === undefined ? procfs.read(node.pid, 'cgroup') : undefined;
      if (bytes !== undefined && bytes.length > 0) node.container = cache.of(bytes).container;
      if (node.container !== undefined) return node.container;
      node = tree.parentOf(node);
    }
    return undefined;
  };

  return eventSource<ContainerFields, CgroupFields & Pick<ProcessTreeFields, 'process' | 'parent'>>({
    name: 'container',
    provides: { container_id: 'output', container_runtime: 'output', pod_uid: 'output' },
    needs: ['cgroup_container', 'process', 'parent'],
    resolve(_event, { cgroup_container, process, parent }) {
      // Where it was at an earlier exec says more than where its parent is.
      const container =
        cgroup_container !== undefined ? cgroup_container : (process?.container ?? inherited(parent));
      if (process !== undefined && container !== undefined) process.container = container;
      if (container === null || container === undefined) return undefined;
      return {
        container_id: container.id,
        container_runtime: container.runtime,
        pod_uid: container.podUid,
      };
    },
  });
};
