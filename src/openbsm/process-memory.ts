/** What earlier records of the trail say about a process. */
export interface KnownProcess {
  readonly ppid: number | undefined;
  /** Path of the running image; for a script, that of its interpreter. */
  readonly path: string | undefined;
}

/**
 * Parents and images by pid, from the fork, spawn, exec and exit records so far: no other record names them. Holds at
 * most `limit` processes and forgets the one that was not mentioned for the longest time.
 */
export class ProcessMemory {
  readonly #limit: number;
  /** In the order of their last mention. */
  readonly #processes = new Map<number, KnownProcess>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#processes.size;
  }

  find(pid: number): KnownProcess | undefined {
    return this.#processes.get(pid);
  }

  /** A child runs what its parent ran, until it execs. */
  fork(child: number, parent: number): void {
    const known = this.#processes.get(parent);
    if (known !== undefined) this.#remember(parent, known);
    this.#remember(child, { ppid: parent, path: known?.path });
  }

  exec(pid: number, path: string | undefined): void {
    this.#remember(pid, { ppid: this.#processes.get(pid)?.ppid, path });
  }

  exit(pid: number): void {
    this.#processes.delete(pid);
  }

  #remember(pid: number, process: KnownProcess): void {
    this.#processes.delete(pid);
    this.#processes.set(pid, process);
    if (this.#processes.size <= this.#limit) return;
    const [oldest] = this.#processes.keys();
    if (oldest !== undefined) this.#processes.delete(oldest);
  }
}
