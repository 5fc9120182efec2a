import { CodedError } from '../../runtime/coded-error.ts';
import { messageOf } from '../../runtime/message-of.ts';

/**
 * - `unreadable`: the file cannot be opened or read
 * - `unknown-format`: it can, but holds neither an audit log nor a BSM trail
 * - `nothing-there`: a directory without either
 */
export type ReplayErrorCode = 'unreadable' | 'unknown-format' | 'nothing-there';

/** The message is one line for people: which file, why not, what to do. */
export class ReplayError extends CodedError<ReplayErrorCode> {
  override readonly name = 'ReplayError';
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
};

/** Explains an error of a file to people. */
export const fileReason = (cause: unknown): string => {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return reasons[code] ?? messageOf(cause);
};

export const unreadable = (path: string, cause: unknown): ReplayError =>
  new ReplayError('unreadable', `replay file ${JSON.stringify(path)} cannot be read: ${fileReason(cause)}`, {
    cause,
  });
