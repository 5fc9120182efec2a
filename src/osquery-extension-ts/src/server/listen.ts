import { chmod, lstat, mkdtemp, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { OsqueryError } from '../errors.ts';
import { checkSocketPath } from '../socket-path.ts';

/**
 * Makes `server` listen at a socket file that only this user may connect to: it has mode 0600 from the moment it
 * exists. A file left by a dead process is removed first.
 *
 * @throws OsqueryError OSQUERY_SOCKET_PATH when the path is too long, somebody listens there, or it is not a socket
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  checkSocketPath(path);
  await removeStaleSocket(path);
  if (isMainThread) {
    await listening(server, () => {
      // bind(2) applies the umask and happens inside listen(), so nothing else of this thread runs in between.
      const umask = process.umask(0o177);
      try {
        server.listen(path);
      } finally {
        process.umask(umask);
      }
    });
    return;
  }
  // A worker thread must not change the umask: it binds in a private directory, then moves the file.
  const directory = await mkdtemp(join(dirname(path), '.'));
  const hidden = join(directory, 's');
  try {
    checkSocketPath(hidden);
    await listening(server, () => server.listen(hidden));
    await chmod(hidden, 0o600);
    await rename(hidden, path);
  } finally {
    await rm(hidden, { force: true });
    await rmdir(directory);
  }
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      reject(new OsqueryError('OSQUERY_SOCKET_PATH', `cannot listen: ${cause.message}`, { cause }));
    };
    server.once('error', failed);
    server.once('listening', () => {
      server.off('error', failed);
      resolve();
    });
    listen();
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new OsqueryError('OSQUERY_SOCKET_PATH', `cannot use ${path}: ${error.message}`, { cause: error });
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new OsqueryError(
      'OSQUERY_SOCKET_PATH',
      `${path} exists and is not a socket; remove it or choose another path`,
    );
  }
  if (await answers(path)) {
    throw new OsqueryError(
      'OSQUERY_SOCKET_PATH',
      `another process listens at ${path}; stop it or choose another path`,
    );
  }
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') {
      throw new OsqueryError('OSQUERY_SOCKET_PATH', `cannot remove stale ${path}: ${error.message}`, {
        cause: error,
      });
    }
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Refused means that nobody has it open; any other error (not permitted, queue full) means that somebody may.
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}
