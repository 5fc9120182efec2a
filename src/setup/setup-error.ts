import { CodedError } from '../runtime/coded-error.ts';
import { messageOf } from '../runtime/message-of.ts';

/**
 * A file or the system is not in the state that setup needs; nothing was written. The message names the file and what
 * to do.
 */
export class SetupError extends CodedError<'setup'> {
  override readonly name = 'SetupError';

  constructor(message: string, options?: ErrorOptions) {
    super('setup', message, options);
  }
}

/** Explains why a file could not be read or written. */
export const refusal = (path: string, error: unknown): SetupError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = REASONS[code] ?? messageOf(error);
  return new SetupError(`${path}: ${why}; nothing was changed`, { cause: error });
};

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: run setup as root',
  EPERM:
    'not permitted: run setup as root; an immutable file (lsattr shows an i) must be made changeable first',
  EROFS:
    'its file system is read-only: make it writable (mount -o remount,rw), or run setup where the image is built',
  ENOSPC: 'the file system is full: make room first',
  EDQUOT: 'the quota of its file system is used up: make room first',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory, expected a file',
};
