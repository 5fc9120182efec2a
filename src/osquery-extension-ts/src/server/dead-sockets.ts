import { readdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { debug } from '../diagnostics.ts';

/** A socket file younger than this, in milliseconds, may belong to an extension that is about to listen. */
const LEAST_AGE_MS = 60_000;

/**
 * Removes the sockets of killed extensions beside core's: this user's sockets at which nobody listens any more. Core
 * does this when it starts. What cannot be removed stays.
 */
export async function removeDeadSockets(managerSocketPath: string): Promise<void> {
  const directory = dirname(managerSocketPath);
  const prefix = `${basename(managerSocketPath)}.`;
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix) || !/^[0-9]+$/.test(name.slice(prefix.length))) continue;
    const path = join(directory, name);
    try {
      const file = await stat(path);
      if (!file.isSocket() || file.uid !== process.geteuid?.() || Date.now() - file.mtimeMs < LEAST_AGE_MS)
        continue;
      if (await isDead(path)) await unlink(path);
    } catch (error) {
      debug('%s: %s', path, error);
    }
  }
}

function isDead(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ path });
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
