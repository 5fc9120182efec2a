import { FlagError } from '../flags/flag-error.ts';
import { CodedError } from '../runtime/coded-error.ts';
import { messageOf } from '../runtime/message-of.ts';
import { PROGRAM } from '../runtime/program-name.ts';

/** Exit status: the command line is wrong. */
export const EXIT_USAGE = 2;
/** Exit status: the command line is right, the work cannot be done. */
export const EXIT_FAILURE = 1;

/** There is no source of events. */
export class SourceError extends CodedError<'no-source'> {
  override readonly name = 'SourceError';

  constructor(message: string, options?: ErrorOptions) {
    super('no-source', message, options);
  }
}

export interface ErrorReport {
  readonly status: number;
  /** Text for stderr: one line, unless a stack was asked for. */
  readonly text: string;
}

/**
 * Describes an error for the user. Our own errors and those of the system have a `code` and a readable message; any
 * other error is a fault in this program.
 */
export const reportError = (error: unknown, options: { readonly verbose: boolean }): ErrorReport => {
  const message = oneLine(messageOf(error));
  if (error instanceof FlagError) return { status: EXIT_USAGE, text: `${PROGRAM}: ${message}\n` };
  const stack = options.verbose && error instanceof Error ? `${error.stack}\n` : '';
  if (isExpected(error)) return { status: EXIT_FAILURE, text: `${PROGRAM}: ${message}\n${stack}` };
  const name = error instanceof Error ? error.name : 'thrown value';
  const hint = options.verbose ? '' : ', with the stack that --verbose shows';
  return {
    status: EXIT_FAILURE,
    text: `${PROGRAM}: internal error: ${name}: ${message}; please report it to whoever gave you this program${hint}\n${stack}`,
  };
};

/**
 * Node marks misuse of its own interfaces with codes that start with `ERR_`; such an error is a fault in this
 * program.
 */
const isExpected = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  !error.code.startsWith('ERR_');

const oneLine = (text: string): string =>
  text.replace(/\s*[\r\n\u2028\u2029]\s*/g, ' ').replace(/\p{Cc}/gu, '\ufffd');
