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
 * A source of audit records cannot be opened or read. The message is one line: what, where, why, what to do.
 * Damage inside a trail is never thrown: it is counted and reported, and reading goes on behind it.
 */
export class OpenBsmError extends CodedError<OpenBsmErrorCode> {
  override readonly name = 'OpenBsmError';
}

/** Turns what `fs` threw into an OpenBsmError that names the path and the way out. */
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
        `${path}: permission denied; audit trails are readable by root only: run as root`,
        options,
      );
    default:
      return new OpenBsmError('unreadable', `${path}: cannot be read: ${messageOf(error)}`, options);
  }
};
