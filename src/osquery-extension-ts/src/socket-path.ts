import { OsqueryError, shown } from './errors.ts';
import { MAX_SOCKET_PATH_BYTES } from './limits.ts';

/** Throws unless the kernel can hold the whole path; it would cut a longer one, or refuse it without a reason. */
export function checkSocketPath(path: string): void {
  if (typeof path !== 'string')
    throw new OsqueryError('OSQUERY_SOCKET_PATH', `socket path: expected a text, got ${shown(path)}`);
  const bytes = Buffer.byteLength(path);
  if (bytes === 0)
    throw new OsqueryError('OSQUERY_SOCKET_PATH', 'socket path is empty; give the path of a UNIX socket');
  if (path.includes('\0'))
    throw new OsqueryError('OSQUERY_SOCKET_PATH', 'socket path contains a NUL character');
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new OsqueryError(
      'OSQUERY_SOCKET_PATH',
      `socket path has ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES} are possible: ${path}; choose a shorter one`,
    );
  }
}
