import { ProcfsReader } from '../../../src/model/procfs/reader.ts';

/** How many containers a test has: more than any of the bounds. */
export const MANY = 10_000;
/** The first pid; each is in a namespace of its own with the same number, and so is the socket behind its descriptor 3. */
export const FIRST_PID = 100_000;

/** procfs of very many processes; counts what is read. */
export class CrowdedProcfs extends ProcfsReader {
  readonly links = { namespace: 0, descriptor: 0 };
  lists = 0;
  readonly #onList: (pid: number) => string;

  /** @param onList is called when a list of sockets is read, and returns its text */
  constructor(onList: (pid: number) => string = () => '') {
    super('/nonexistent');
    this.#onList = onList;
  }

  override link(directory: number | 'self' | 'host', name: string): string | undefined {
    if (name === 'ns/net') {
      this.links.namespace++;
      return `net:[${directory === 'self' ? 1 : directory}]`;
    }
    this.links.descriptor++;
    return `socket:[${directory}]`;
  }

  override read(): undefined {
    return undefined;
  }

  override readList(directory: number | 'self' | 'host'): Buffer {
    this.lists++;
    return Buffer.from(this.#onList(Number(directory)));
  }
}
