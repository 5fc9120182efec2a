import { getSystemErrorMap } from 'node:util';
import { CodedError } from '../runtime/coded-error.ts';

/**
 * - `no-audit`: the kernel has none, or denies it to this namespace
 * - `no-permission`: capabilities are missing
 * - `owned`: another process holds the unicast stream
 * - `locked`: audit is immutable until the next boot
 * - `no-reply`, `refused`: the kernel did not do what was asked
 */
export type AuditErrorCode = 'no-audit' | 'no-permission' | 'owned' | 'locked' | 'no-reply' | 'refused';

/** The message is one line for people: what was tried, what came, what to do. */
export class AuditError extends CodedError<AuditErrorCode> {
  override readonly name = 'AuditError';
  /** Positive errno, if the kernel returned one. */
  readonly errno: number | undefined;

  constructor(code: AuditErrorCode, message: string, options: ErrorOptions & { errno?: number } = {}) {
    super(code, message, options);
    this.errno = options.errno;
  }
}

/** `EPERM` for 1; `errno 524` where a number has no name. */
export const errnoName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`;
