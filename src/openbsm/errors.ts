import { CodedError } from '../runtime/coded-error.ts';
import { messageOf } from '../runtime/message-of.ts';

/**
 * - `unsupported`: this system has no such source
 * - `no-permission`: the source exists, this user may not read it
 * - `not-found`: no file, directory or device of that name
 * - `unreadable`: opening or reading failed in another way
 * - `empty-directory`: a trail directory without a trail
 */
export type OpenBsmErrorCode =
  | 'unsupported'
  | 'no-permission'
  | 'not-found'
  | 'unreadable'
  | 'empty-directory';

/**
 * A source of audit records cannot be opened or read. The message is one line: what, where, why, what to do. Damage
 * inside a trail is never thrown: it is counted and reported, and reading continues behind it.
 */
export class OpenBsmError extends CodedError<OpenBsmErrorCode> {
  override readonly name = 'OpenBsmError';
}

/** Turns an error of `fs` into an OpenBsmError that names the path and what to do. */
export const fromFileError = (path: string, error: unknown): OpenBsmError => {
  const errno = error instanceof Error && 'code' in error ? error.code : undefined;
  const options = { cause: error };
  switch (errno) {
    case 'ENOENT':
      return new OpenBsmError('not-found', `${path}: no such file or directory`, options);
    case 'EACCES':
    case 'EPERM':
      return new OpenBsmError(
        'no-permission',
        `${path}: permission denied; only root can read audit trails: run as root`,
        options,
      );
    default:
      return new OpenBsmError('unreadable', `${path}: cannot be read: ${messageOf(error)}`, options);
  }
};
