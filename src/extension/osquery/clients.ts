import * as libc from '../../runtime/socket-calls.ts';

/** The clients of the extension's UNIX socket. Linux only. */
export class Clients {
  /** By descriptor. A client is identified when it connects, before it sends anything. */
  readonly #pids = new Map<number, number>();

  /**
   * Refuses clients that are neither this user nor root. The socket file's mode already excludes them; this helps if
   * somebody has widened the mode, or passes on a descriptor.
   *
   * @returns why; undefined for a client to serve
   */
  refuse(fd: number): string | undefined {
    const credentials = libc.peerCredentials(fd);
    if (credentials === undefined) {
      return `the process that connected to the extension's socket is not known (errno ${libc.errno()})`;
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
