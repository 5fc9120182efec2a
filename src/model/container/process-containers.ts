import type { ProcessNode } from '../process/process-node.ts';
import type { ProcessTree } from '../process/process-tree.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import type { CgroupFactsCache } from './cgroup-facts.ts';
import { cgroupOf } from './cgroup-of.ts';
import type { Container } from './container-id.ts';

/** How many ancestors are searched for one whose container is known. */
const MAX_STEPS = 16;
/** A process is assumed to stay in its container this long: reading its cgroups costs as much as all other work for an event. */
const RECENT_MS = 200;

/** null: in no container; undefined: not known. */
type Finding = Container | null | undefined;

/**
 * The containers of processes. A process that ended before its cgroups could be read is assumed to be in its parent's container,
 * because leaving a container takes privileges and time.
 */
export class ProcessContainers {
  readonly #tree: Pick<ProcessTree, 'find' | 'parentOf'>;
  readonly #procfs: Pick<ProcfsReader, 'read'>;
  readonly #cache: CgroupFactsCache;

  constructor(
    tree: Pick<ProcessTree, 'find' | 'parentOf'>,
    procfs: Pick<ProcfsReader, 'read'>,
    cache: CgroupFactsCache,
  ) {
    this.#tree = tree;
    this.#procfs = procfs;
    this.#cache = cache;
  }

  /** The container of the process itself at a time; undefined if the process is gone and was not looked at before. */
  ownOf(pid: number, atMs: number): Finding {
    const node = this.#tree.find(pid, atMs);
    if (node !== undefined) return this.#now(node, atMs);
    return cgroupOf(pid, this.#procfs, this.#cache)?.container;
  }

  /** The same, or if that is unknown, the container of the nearest ancestor. */
  of(pid: number, atMs: number): Finding {
    const own = this.ownOf(pid, atMs);
    if (own !== undefined) return own;
    const node = this.#tree.find(pid, atMs);
    return node && this.inherited(this.#tree.parentOf(node), atMs);
  }

  /** The container of the nearest process whose container is known, beginning with a parent. */
  inherited(parent: ProcessNode | undefined, atMs: number): Finding {
    let node = parent;
    for (let steps = 0; node !== undefined && steps < MAX_STEPS; steps++) {
      const container = this.#now(node, atMs);
      if (container !== undefined) return container;
      node = this.#tree.parentOf(node);
    }
    return undefined;
  }

  #now(node: ProcessNode, atMs: number): Finding {
    if (node.exitMs === undefined && atMs - node.containerAtMs > RECENT_MS) {
      // The process may have been moved since its exec, as the first process of a container is.
      const facts = cgroupOf(node.pid, this.#procfs, this.#cache);
      if (facts !== undefined) {
        node.container = facts.container;
        node.containerAtMs = atMs;
      }
    }
    return node.container;
  }
}
