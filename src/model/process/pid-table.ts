import type { ProcessNode } from './process-node.ts';

/** A power of two. Pids are assigned in order, so they are spread evenly. */
const PLACES = 8192;

/**
 * Processes by pid, one for each. A Map is rebuilt each time that as many entries were removed as it holds, which for
 * processes is every few seconds.
 */
export class PidTable {
  /** Processes whose pids have the same last bits are linked by `next`. */
  readonly #places = new Array<ProcessNode | undefined>(PLACES).fill(undefined);

  get(pid: number): ProcessNode | undefined {
    let node = this.#places[pid & (PLACES - 1)];
    while (node !== undefined && node.pid !== pid) node = node.next;
    return node;
  }

  /** Adds a process, in place of the one that has its pid. */
  set(node: ProcessNode): void {
    this.delete(node.pid);
    const place = node.pid & (PLACES - 1);
    node.next = this.#places[place];
    this.#places[place] = node;
  }

  delete(pid: number): void {
    const place = pid & (PLACES - 1);
    let before: ProcessNode | undefined;
    let node = this.#places[place];
    while (node !== undefined && node.pid !== pid) {
      before = node;
      node = node.next;
    }
    if (node === undefined) return;
    if (before === undefined) this.#places[place] = node.next;
    else before.next = node.next;
    node.next = undefined;
  }

  /** All processes in it at the time of the call. */
  all(): readonly ProcessNode[] {
    const all: ProcessNode[] = [];
    for (const first of this.#places) {
      for (let node = first; node !== undefined; node = node.next) all.push(node);
    }
    return all;
  }
}
