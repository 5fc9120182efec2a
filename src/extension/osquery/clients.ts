import * as libc from '../../runtime/socket-calls.ts';

/** Who is connected to the extension's UNIX socket. Linux only. */
export class Clients {
  /** By descriptor: each is asked for when it has connected, before anything comes by it. */
  readonly #pids = new Map<number, number>();

  /**
   * Refuses clients that are neither this user nor root. The socket file's mode keeps them out already; this holds where somebody
   * has widened it, or passes on a descriptor.
   *
   * @returns why; undefined for a client to serve
   */
  refuse(fd: number): string | undefined {
    const credentials = libc.peerCredentials(fd);
    if (credentials === undefined) {
      return `it is not known who connected to the extension's socket (errno ${libc.errno()})`;
    }
    const { pid, uid } = credentials;
    this.#pids.set(fd, pid);
    return uid === 0 || uid === process.geteuid?.()
      ? undefined
      : `a process of another user connected to the extension's socket, and was refused: pid ${pid}, uid ${uid}`;
  }

  /** pid of the process at the other end of a connection that was not refused. */
  processOf(fd: number): number | undefined {
    return this.#pids.get(fd);
  }
}
