import { PidTable } from './pid-table.ts';
import type { ProcessNode } from './process-node.ts';

export interface ProcessTreeLimits {
  /** Most processes that are remembered, including ended ones. */
  readonly maxProcesses: number;
  /** Most ended processes among them; there can be more if their children still run. */
  readonly maxEnded: number;
  /** Approximate bytes of memory for them. */
  readonly maxBytes: number;
}

export const PROCESS_TREE_LIMITS: ProcessTreeLimits = {
  maxProcesses: 16_384,
  maxEnded: 4_096,
  maxBytes: 33_554_432,
};

/** How many ended processes are checked when one more process becomes known. */
const MAX_LOOKS = 4;

export interface ProcessTreeCounters {
  /** Processes forgotten to stay within the limits. */
  forgotten: number;
  /** Of these, processes not known to have ended. */
  forgottenAlive: number;
}

/** The known processes, within limits: by pid, and in eviction order. */
export class RememberedProcesses {
  readonly counters: ProcessTreeCounters = { forgotten: 0, forgottenAlive: 0 };
  readonly #limits: ProcessTreeLimits;
  /** Newest process of each pid; earlier ones with the pid follow by `older`. */
  readonly #newest = new PidTable();
  /** In the order in which they became known … */
  readonly #running = new NodeList();
  /** … and in the order of their ends. */
  readonly #ended = new NodeList();
  #bytes = 0;

  constructor(limits: ProcessTreeLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#running.size + this.#ended.size;
  }

  newest(pid: number): ProcessNode | undefined {
    return this.#newest.get(pid);
  }

  /** The newest of each pid. */
  all(): readonly ProcessNode[] {
    return this.#newest.all();
  }

  /** Adds a node. In its pid's list, which is newest first, it comes directly before its `older`. */
  add(node: ProcessNode): void {
    this.#running.push(node);
    this.#bytes += node.bytes;
    const newest = this.#newest.get(node.pid);
    if (newest === node.older) {
      this.#newest.set(node);
      return;
    }
    let newer = newest;
    while (newer !== undefined && newer.older !== node.older) newer = newer.older;
    if (newer === undefined) return;
    newer.older = node;
    this.end(node, newer.startMs);
  }

  /** Notes the end of a process. An earlier end is not changed. */
  end(node: ProcessNode, atMs: number): void {
    if (node.exitMs !== undefined) return;
    if (node.forkedFrom !== undefined) node.forkedFrom.runningChildren--;
    node.exitMs = atMs;
    if (node.isForgotten) return;
    this.#running.remove(node);
    this.#ended.push(node);
  }

  /** Notes who created a process. */
  setCreator(node: ProcessNode, creator: ProcessNode | undefined): void {
    if (node.exitMs === undefined) {
      if (node.forkedFrom !== undefined) node.forkedFrom.runningChildren--;
      if (creator !== undefined) creator.runningChildren++;
    }
    if (creator !== undefined) creator.hasForked = true;
    node.forkedFrom = creator;
  }

  resize(node: ProcessNode, bytes: number): void {
    if (!node.isForgotten) this.#bytes += bytes - node.bytes;
    node.bytes = bytes;
  }

  /**
   * Forgets until the limits hold: first those that ended first, then those that are known longest; never `spared`.
   */
  makeRoom(spared: ProcessNode): void {
    this.#forgetEnded(spared);
    while (this.size > this.#limits.maxProcesses || this.#bytes > this.#limits.maxBytes) {
      const node = this.#ended.firstBut(spared) ?? this.#running.firstBut(spared);
      if (node === undefined) return;
      this.#forget(node);
    }
  }

  /** A process with a running child stays: the child's next exec asks for its parent. */
  #forgetEnded(spared: ProcessNode): void {
    for (let looks = 0; looks < MAX_LOOKS && this.#ended.size > this.#limits.maxEnded; looks++) {
      const node = this.#ended.firstBut(spared);
      if (node === undefined) return;
      if (node.runningChildren === 0) {
        this.#forget(node);
      } else {
        this.#ended.remove(node);
        this.#ended.push(node);
      }
    }
  }

  #forget(node: ProcessNode): void {
    this.counters.forgotten++;
    if (node.exitMs === undefined) this.counters.forgottenAlive++;
    (node.exitMs === undefined ? this.#running : this.#ended).remove(node);
    this.#bytes -= node.bytes;
    this.#unlink(node);
    // Its children still refer to it, so it must not keep anything else in memory.
    node.isForgotten = true;
    node.older = undefined;
    node.parent = undefined;
    this.setCreator(node, undefined);
    node.image = undefined;
    node.inherited = undefined;
  }

  #unlink(node: ProcessNode): void {
    const newest = this.#newest.get(node.pid);
    if (newest === node) {
      if (node.older === undefined) this.#newest.delete(node.pid);
      else this.#newest.set(node.older);
      return;
    }
    for (let newer = newest; newer !== undefined; newer = newer.older) {
      if (newer.older === node) {
        newer.older = node.older;
        return;
      }
    }
  }
}

/** A linked list of nodes, each in at most one list: adding takes no memory, and any node can be removed. */
class NodeList {
  size = 0;
  #first: ProcessNode | undefined;
  #last: ProcessNode | undefined;

  push(node: ProcessNode): void {
    node.before = this.#last;
    node.after = undefined;
    if (this.#last === undefined) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.size++;
  }

  remove(node: ProcessNode): void {
    if (node.before === undefined) this.#first = node.after;
    else node.before.after = node.after;
    if (node.after === undefined) this.#last = node.before;
    else node.after.before = node.before;
    node.before = undefined;
    node.after = undefined;
    this.size--;
  }

  firstBut(spared: ProcessNode): ProcessNode | undefined {
    return this.#first === spared ? spared.after : this.#first;
  }
}
