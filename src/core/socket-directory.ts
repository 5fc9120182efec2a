/** A new directory for core's sockets that only this user can enter. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from 'osquery-extension-ts/server';

const PREFIX = 'osquery-audit-events-';
/** The longest name in it: the socket's, a dot and a uuid of five digits. */
const LONGEST_NAME = 'core.em.65535';
/** Characters that mkdtemp adds, and the slash. */
const ADDED = 7;

export interface SocketDirectory {
  /** Where core's manager socket goes. */
  readonly socketPath: string;
  /** Removes everything. May be called any number of times. */
  readonly remove: () => void;
}

export const createSocketDirectory = (base: string = tmpdir()): SocketDirectory => {
  const needed = Buffer.byteLength(join(base, PREFIX)) + ADDED + Buffer.byteLength(LONGEST_NAME);
  // A long TMPDIR leaves no room for a socket's path; /tmp always does.
  const parent = needed > MAX_SOCKET_PATH_BYTES ? '/tmp' : base;
  const path = mkdtempSync(join(parent, PREFIX));
  const remove = (): void => {
    process.removeListener('exit', remove);
    rmSync(path, { recursive: true, force: true });
  };
  // Also if an uncaught error ends the process.
  process.once('exit', remove);
  return { socketPath: join(path, 'core.em'), remove };
};
