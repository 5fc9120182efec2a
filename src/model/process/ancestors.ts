import type { IsoTimes } from '../event-time.ts';
import { type ProcessNode, startTextOf } from './process-node.ts';
import type { ProcessTree } from './process-tree.ts';

export interface Ancestor {
  readonly pid: number;
  /** When it started: ISO 8601, UTC, milliseconds. */
  readonly timestamp: string | undefined;
  readonly path: string | undefined;
}

export const MAX_ANCESTORS = 16;

/** Most parents whose list is kept. */
const MAX_LISTS = 256;

/**
 * The ancestors of a process, its parent first, at most MAX_ANCESTORS. Most processes have siblings: their list is
 * made once, and stays the same object as long as it is true, so that its text can be kept as well.
 */
export class Ancestors {
  readonly #tree: Pick<ProcessTree, 'parentOf' | 'imageOf'>;
  readonly #times: IsoTimes;
  readonly #lists = new Map<ProcessNode, readonly Ancestor[]>();

  constructor(tree: Pick<ProcessTree, 'parentOf' | 'imageOf'>, times: IsoTimes) {
    this.#tree = tree;
    this.#times = times;
  }

  ofChildOf(parent: ProcessNode): readonly Ancestor[] {
    const known = this.#lists.get(parent);
    if (known !== undefined && this.#isTrue(known, parent)) return known;
    const list: Ancestor[] = [];
    for (let node: ProcessNode | undefined = parent; node !== undefined; node = this.#tree.parentOf(node)) {
      if (list.length === MAX_ANCESTORS) break;
      list.push({
        pid: node.pid,
        timestamp: startTextOf(node, this.#times),
        path: this.#tree.imageOf(node)?.path,
      });
    }
    if (this.#lists.size >= MAX_LISTS) this.#lists.clear();
    this.#lists.set(parent, list);
    return list;
  }

  #isTrue(list: readonly Ancestor[], parent: ProcessNode): boolean {
    let node: ProcessNode | undefined = parent;
    for (const { pid, timestamp, path } of list) {
      if (node === undefined || node.pid !== pid || startTextOf(node, this.#times) !== timestamp)
        return false;
      if (this.#tree.imageOf(node)?.path !== path) return false;
      node = this.#tree.parentOf(node);
    }
    return node === undefined || list.length === MAX_ANCESTORS;
  }
}
