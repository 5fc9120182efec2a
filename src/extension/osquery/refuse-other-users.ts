import * as libc from '../../runtime/socket-calls.ts';

/** struct ucred: pid, uid and gid, of 32 bits each. */
const UCRED_WORDS = 3;

/**
 * Refuses clients of a UNIX socket that are neither this user nor root. The socket file's mode keeps them out already; this
 * holds where somebody has widened it, or passes on a descriptor. Linux only: see unix(7), SO_PEERCRED.
 *
 * @returns why; undefined for a client to serve
 */
export const refuseOtherUsers = (fd: number): string | undefined => {
  const credentials = libc.socketOption(fd, libc.SO_PEERCRED, UCRED_WORDS);
  if (credentials === undefined) {
    return `it is not known who connected to the extension's socket (errno ${libc.errno()})`;
  }
  const [pid, uid] = credentials;
  return uid === 0 || uid === process.geteuid?.()
    ? undefined
    : `a process of another user connected to the extension's socket, and was refused: pid ${pid}, uid ${uid}`;
};
