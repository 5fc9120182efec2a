/**
 * - `unreadable`: the file cannot be opened or read
 * - `unknown-format`: it can, but holds neither an audit log nor a BSM trail
 * - `no-trails`: a directory without BSM trails
 */
export type ReplayErrorCode = 'unreadable' | 'unknown-format' | 'no-trails';

/** The message is one line for people: which file, why not, what to do. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
  readonly code: ReplayErrorCode;

  constructor(code: ReplayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
